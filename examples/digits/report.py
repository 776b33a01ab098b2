"""What the pipeline finds out, as plain dataclasses."""

from dataclasses import dataclass

import numpy as np

from examples.digits.candidates import Candidate


@dataclass(frozen=True)
class Trial:
    """How one candidate did on images it was not trained on."""

    candidate: Candidate
    accuracy: float


@dataclass(frozen=True)
class DigitScore:
    """How well one digit is told from the others."""

    digit: int
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Evaluation:
    """`confusion[i, j]` counts the images of digit i that were taken for digit j."""

    accuracy: float
    digits: list[DigitScore]
    confusion: np.ndarray


@dataclass(frozen=True)
class Report:
    """All trials, the best of them, and how it does on the images that were kept aside until the end."""

    trials: list[Trial]
    best: Trial
    evaluation: Evaluation

    def __str__(self) -> str:
        return "\n".join([*self._ranking(), "", *self._scores(), "", *self._confusion()])

    def _ranking(self) -> list[str]:
        ranked = sorted(self.trials, key=lambda trial: -trial.accuracy)
        rows = [f"  {trial.accuracy:6.1%}  {trial.candidate.name}" for trial in ranked]
        return ["Candidates by accuracy on the validation images:", *rows]

    def _scores(self) -> list[str]:
        head = f"{self.best.candidate.name}: {self.evaluation.accuracy:.1%} of the test images are recognised."
        rows = [
            f"  {score.digit:>5}  {score.precision:9.1%}  {score.recall:6.1%}  {score.f1:6.1%}  {score.images:6}"
            for score in self.evaluation.digits
        ]
        return [head, "  digit  precision  recall      f1  images", *rows]

    def _confusion(self) -> list[str]:
        digits = [f"{score.digit:4}" for score in self.evaluation.digits]
        counts = ["".join(f"{count:4}" for count in row) for row in self.evaluation.confusion]
        rows = [f"  {digit} {row}" for digit, row in zip(digits, counts, strict=True)]
        return ["Which digit (row) was taken for which (column):", f"       {''.join(digits)}", *rows]
