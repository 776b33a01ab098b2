"""Which model reads handwritten digits best? Trains all candidates on scikit-learn's digits and compares them."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import train_test_split

import sematic
from examples.digits.candidates import Candidate
from examples.digits.report import DigitScore, Evaluation, Report, Trial

TRAINING = sematic.ResourceRequirements(
    kubernetes=sematic.KubernetesRequirements(requests={"cpu": "1", "memory": "1Gi"})
)


@dataclass(frozen=True)
class Images:
    """One image of 8 × 8 pixels a row, and the digit it shows."""

    pixels: np.ndarray
    digits: np.ndarray


@dataclass(frozen=True)
class Split:
    """To train with, to choose a candidate by, and to say in the end how good it is."""

    training: Images
    validation: Images
    test: Images


@sematic.func
def load(samples: int | None, seed: int) -> Images:
    """All 1797 images, or that many of them, picked at random."""
    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(digits))[:samples]
    return Images(pixels[order], digits[order])


@sematic.func
def split(images: Images, held_out: float, seed: int) -> Split:
    """Set aside the share `held_out` of the images, half of it for validation; each part has every digit."""
    training, rest = _cut(images, held_out, seed)
    validation, test = _cut(rest, 0.5, seed)
    return Split(training, validation, test)


@sematic.func(inline=False, resource_requirements=TRAINING)
def train(candidate: Candidate, images: Images, seed: int) -> BaseEstimator:
    return candidate.model(seed).fit(images.pixels, images.digits)


@sematic.func
def try_out(candidate: Candidate, model: BaseEstimator, images: Images) -> Trial:
    """Accuracy on images that the model has not seen."""
    return Trial(candidate, float(accuracy_score(images.digits, model.predict(images.pixels))))


@sematic.func
def best_of(trials: list[Trial], models: list[BaseEstimator]) -> tuple[Trial, BaseEstimator]:
    """The most accurate; the first of those that are equal."""
    best = max(range(len(trials)), key=lambda index: trials[index].accuracy)
    return trials[best], models[best]


@sematic.func
def evaluate(model: BaseEstimator, images: Images) -> Evaluation:
    found = model.predict(images.pixels)
    labels = list(range(10))
    scores = precision_recall_fscore_support(images.digits, found, labels=labels, zero_division=0.0)
    return Evaluation(
        accuracy=float(accuracy_score(images.digits, found)),
        digits=[
            DigitScore(digit, float(precision), float(recall), float(f1), int(count))
            for digit, precision, recall, f1, count in zip(labels, *scores, strict=True)
        ],
        confusion=confusion_matrix(images.digits, found, labels=labels),
    )


@sematic.func
def pipeline(candidates: list[Candidate], samples: int | None, held_out: float, seed: int) -> Report:
    """Train every candidate, choose by the validation images, report by the test images."""
    parts = split(load(samples, seed), held_out, seed)
    models, trials = [], []
    for candidate in candidates:
        model = sematic.options(train(candidate, parts.training, seed), name=f"train {candidate.name}")
        models.append(model)
        trials.append(try_out(candidate, model, parts.validation))
    best = best_of(trials, models)
    return Report(trials, best[0], evaluate(best[1], parts.test))


def _cut(images: Images, share: float, seed: int) -> tuple[Images, Images]:
    """Two parts, the second of which has that share."""
    first, second = train_test_split(
        np.arange(len(images.digits)), test_size=share, random_state=seed, stratify=images.digits
    )
    return Images(images.pixels[first], images.digits[first]), Images(images.pixels[second], images.digits[second])
