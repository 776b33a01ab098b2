"""Equality of tables that takes nothing for the same that is not."""

from __future__ import annotations

from typing import Any

import pandas

from sematic.types.tests.same import same


def same_pandas(left: Any, right: Any) -> bool:
    """Whether two frames, series or indexes of pandas are alike in all that can be seen of them."""
    if type(left) is not type(right):
        return False
    if isinstance(left, pandas.Index):
        return _same_index(left, right)
    facts = [(each.attrs, each.flags.allows_duplicate_labels) for each in (left, right)]
    if not same(facts[0], facts[1]) or not _same_index(left.index, right.index):
        return False
    if isinstance(left, pandas.Series):
        return same(left.name, right.name) and _same_values(left, right)
    columns = range(left.shape[1])
    return _same_index(left.columns, right.columns) and all(
        _same_values(left.iloc[:, at], right.iloc[:, at]) for at in columns
    )


def _same_index(left: Any, right: Any) -> bool:
    if type(left) is not type(right) or not same(list(left.names), list(right.names)):
        return False
    if isinstance(left, pandas.MultiIndex):
        levels = len(left.levels) == len(right.levels) and all(map(_same_index, left.levels, right.levels))
        return levels and all((a == b).all() for a, b in zip(left.codes, right.codes))
    if isinstance(left, pandas.RangeIndex):
        return (left.start, left.stop, left.step) == (right.start, right.stop, right.step)
    freq = getattr(left, "freq", None) == getattr(right, "freq", None)
    return freq and _same_values(left, right)


def _same_values(left: Any, right: Any) -> bool:
    if left.dtype != right.dtype or type(left.array) is not type(right.array) or len(left) != len(right):
        return False
    categorical = isinstance(left.dtype, pandas.CategoricalDtype)
    if categorical and not _same_categories(left.dtype, right.dtype):
        return False
    if left.dtype.kind in "fc" and not isinstance(left.dtype, pandas.api.extensions.ExtensionDtype):
        return bool(left.to_numpy().tobytes() == right.to_numpy().tobytes())
    return all(_same_cell(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True))


def _same_categories(left: Any, right: Any) -> bool:
    return _same_index(left.categories, right.categories) and left.ordered == right.ordered


def _same_cell(left: Any, right: Any) -> bool:
    if left is right:
        return True
    if isinstance(left, pandas.Timestamp) and isinstance(right, pandas.Timestamp):
        return repr(left) == repr(right) and left.unit == right.unit
    return same(left, right) or (type(left) is type(right) and repr(left) == repr(right))
