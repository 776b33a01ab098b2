"""Estimators of scikit-learn, and of the libraries that are built on it: pickled, and marked so.

scikit-learn promises nothing for pickles between its versions, so they are refused when the version differs.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sematic.types import pickled, sections
from sematic.types.base import BinaryType, Buffer, Json, ValueType, look
from sematic.types.registry import Row, load_class, path_of, register
from sematic.types.summaries import FIELDS


class EstimatorType(BinaryType):
    """One class of estimators, and those below it."""

    codec = "sections+pickle"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["estimator", path_of(cls)], cls.__qualname__)
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return source.python is not None and issubclass(source.python, self.python)

    def convert(self, value: Any) -> Any:
        if not issubclass(type(value), self.python):
            raise self.refuse(value)
        return value

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        found = pickled.dump(value)
        return sections.write(found.facts, found.sections)

    def from_buffer(self, buffer: Buffer) -> Any:
        return pickled.load(*sections.read(buffer), self.python)

    def summarise(self, value: Any) -> Json:
        return {
            "class": path_of(type(value)),
            "parameters": _parameters(value),
            "fitted": _fitted(value),
            "libraries": pickled.versions(cls.__module__ for cls in type(value).__mro__),
            "pickle": True,
        }


def _parameters(value: Any) -> dict[str, str]:
    """What its constructor took: by scikit-learn's rule it is kept under the same names."""
    names = inspect.signature(type(value)).parameters
    return {name: look(vars(value)[name]) for name in islice(names, FIELDS) if name in vars(value)}


def _fitted(value: Any) -> dict[str, str]:
    """What fitting added: by scikit-learn's rule names that end with an underscore."""
    names = [name for name in vars(value) if name.endswith("_") and not name.startswith("_")]
    return {name: _brief(vars(value)[name]) for name in names[:FIELDS]}


def _brief(value: Any) -> str:
    """Shape and dtype of what is large; else a look at it."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and shape and getattr(value, "size", 0) > 1:
        return f"{dtype} {' x '.join(map(str, shape))}"
    return look(value)


def _match(annotation: Any) -> ValueType | None:
    from sklearn.base import BaseEstimator

    is_estimator = isinstance(annotation, type) and issubclass(annotation, BaseEstimator)
    return EstimatorType(annotation) if is_estimator else None


register(
    _match,
    {"estimator": load_class},
    (
        Row(
            "an estimator of scikit-learn, or of a class built on it",
            "an instance",
            "sections+pickle",
            "class, parameters, fitted attributes, versions",
        ),
    ),
)
