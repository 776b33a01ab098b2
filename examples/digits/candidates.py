"""The models that compete, each with its own parameters."""

from dataclasses import dataclass
from typing import TypeAlias

from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on scaled pixels; a small `c` regularises more."""

    c: float = 1.0

    @property
    def name(self) -> str:
        return f"logistic regression, C={self.c:g}"

    def model(self, seed: int) -> BaseEstimator:
        return make_pipeline(StandardScaler(), LogisticRegression(C=self.c, max_iter=500, random_state=seed))


@dataclass(frozen=True)
class SupportVectors:
    """A support vector machine with a Gaussian kernel of width `gamma`."""

    c: float = 1.0
    gamma: float = 0.001

    @property
    def name(self) -> str:
        return f"support vectors, C={self.c:g}, gamma={self.gamma:g}"

    def model(self, seed: int) -> BaseEstimator:
        return SVC(C=self.c, gamma=self.gamma, random_state=seed)


@dataclass(frozen=True)
class Forest:
    """A random forest; `depth` None lets its trees grow until their leaves are pure."""

    trees: int = 100
    depth: int | None = None

    @property
    def name(self) -> str:
        return f"random forest, {self.trees} trees{'' if self.depth is None else f' of depth {self.depth}'}"

    def model(self, seed: int) -> BaseEstimator:
        return RandomForestClassifier(n_estimators=self.trees, max_depth=self.depth, random_state=seed)


@dataclass(frozen=True)
class Neighbours:
    """The majority of the `k` nearest training images."""

    k: int = 5

    @property
    def name(self) -> str:
        return f"{self.k} nearest neighbours"

    def model(self, seed: int) -> BaseEstimator:
        return KNeighborsClassifier(n_neighbors=self.k)


Candidate: TypeAlias = Logistic | SupportVectors | Forest | Neighbours

CANDIDATES: list[Candidate] = [
    Logistic(c=0.1),
    Logistic(c=1.0),
    SupportVectors(c=1.0, gamma=0.001),
    SupportVectors(c=10.0, gamma=0.01),
    Forest(trees=50, depth=8),
    Forest(trees=100),
    Neighbours(k=3),
    Neighbours(k=9),
]
