"""Equality that tells 1 from True and 1.0, and takes NaN for NaN."""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque
from decimal import Decimal
from typing import Any

import numpy


def same(left: Any, right: Any) -> bool:
    """Whether two values are of the same types and content, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (float, complex)):
        return repr(left) == repr(right)
    if isinstance(left, numpy.ndarray):
        return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    if isinstance(left, deque) and left.maxlen != right.maxlen:
        return False
    if isinstance(left, defaultdict) and left.default_factory is not right.default_factory:
        return False
    if isinstance(left, (list, tuple, deque)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, (set, frozenset)):
        return left == right and sorted(map(repr, map(type, left))) == sorted(map(repr, map(type, right)))
    if dataclasses.is_dataclass(left) and not isinstance(left, type):
        names = [field.name for field in dataclasses.fields(left)]
        return all(same(getattr(left, name), getattr(right, name)) for name in names)
    if hasattr(left, "tzinfo"):
        return repr(left) == repr(right) and left.fold == right.fold
    if isinstance(left, (Decimal, BaseException)) or hasattr(type(left), "__attrs_attrs__"):
        return repr(left) == repr(right)
    return bool(left == right)
