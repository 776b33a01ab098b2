"""Estimators of our own, for the tests."""

from __future__ import annotations

from typing import Any

import numpy
from sklearn.base import BaseEstimator, RegressorMixin


class Mean(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts the mean of what it saw."""

    def __init__(self, scale: float = 1.0, extra: Any = None) -> None:
        self.scale = scale
        self.extra = extra

    def fit(self, X: Any, y: Any) -> Mean:
        self.mean_ = float(numpy.mean(y))
        self.seen_ = numpy.asarray(X)
        return self

    def predict(self, X: Any) -> Any:
        return numpy.full(len(X), self.mean_ * self.scale)


class Stubborn(Mean):
    """Cannot be pickled, nor shown."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise RuntimeError("never")

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        raise RuntimeError("never")
