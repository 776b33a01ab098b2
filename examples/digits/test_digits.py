"""The digits pipeline finds a good model, the same one under every resolver, and records how."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import sematic
from examples.digits.candidates import Candidate, Forest, Logistic, Neighbours, SupportVectors
from examples.digits.pipeline import Images, load, pipeline, split
from examples.digits.report import Report
from sematic.home import open_home

CANDIDATES: list[Candidate] = [Logistic(0.1), SupportVectors(gamma=0.001), Forest(trees=20, depth=3), Neighbours(3)]
SAMPLES, HELD_OUT, SEED = 900, 0.4, 7


class Recorded(NamedTuple):
    report: Report
    run_id: str


def run_id_in(home_folder: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMATIC_HOME", str(home_folder))
        with open_home(read_only=True) as home:
            (recorded,) = home.ledger.pipeline_runs()
    return recorded.id


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def use_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMATIC_HOME", str(home))


@pytest.fixture(scope="module")
def silent() -> Report:
    return sematic.resolve(pipeline(CANDIDATES, SAMPLES, HELD_OUT, SEED), sematic.SilentResolver())


@pytest.fixture(scope="module")
def recorded(home: Path) -> Recorded:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMATIC_HOME", str(home))
        report = sematic.resolve(pipeline(CANDIDATES, SAMPLES, HELD_OUT, SEED))
    return Recorded(report, run_id_in(home))


def same(one: Report, other: Report) -> bool:
    return str(one) == str(other) and one.trials == other.trials and one.best == other.best


def test_the_best_candidate_wins(silent: Report) -> None:
    accuracies = [trial.accuracy for trial in silent.trials]
    assert [trial.candidate for trial in silent.trials] == CANDIDATES
    assert silent.best.accuracy == max(accuracies)
    assert silent.best.accuracy > 0.95
    assert min(accuracies) < silent.best.accuracy, "a forest of small trees is not as good"
    assert isinstance(silent.best.candidate, SupportVectors | Neighbours)


def test_evaluation_is_of_the_test_images(silent: Report) -> None:
    evaluation = silent.evaluation
    tested = round(SAMPLES * HELD_OUT / 2)
    assert evaluation.confusion.shape == (10, 10)
    assert evaluation.confusion.sum() == tested
    assert evaluation.accuracy == pytest.approx(np.trace(evaluation.confusion) / tested)
    assert evaluation.accuracy > 0.93
    assert [score.images for score in evaluation.digits] == evaluation.confusion.sum(axis=1).tolist()
    recalls = np.diag(evaluation.confusion) / evaluation.confusion.sum(axis=1)
    assert [score.recall for score in evaluation.digits] == pytest.approx(recalls.tolist())


def test_parts_do_not_overlap() -> None:
    parts = sematic.resolve(split(load(600, SEED), HELD_OUT, SEED), sematic.SilentResolver())
    seen = [rows(images) for images in (parts.training, parts.validation, parts.test)]
    assert [len(each) for each in seen] == [360, 120, 120]
    assert len(set().union(*seen)) == 600
    for images in (parts.training, parts.validation, parts.test):
        assert set(images.digits.tolist()) == set(range(10))


def rows(images: Images) -> set[bytes]:
    return {row.tobytes() for row in images.pixels}


def test_another_seed_gives_another_split() -> None:
    first, again, other = (
        rows(sematic.resolve(load(300, seed), sematic.SilentResolver())) for seed in (SEED, SEED, SEED + 1)
    )
    assert first == again
    assert first != other


def test_local_gives_the_same(silent: Report, recorded: Recorded) -> None:
    assert same(silent, recorded.report)
    assert np.array_equal(silent.evaluation.confusion, recorded.report.evaluation.confusion)


def test_the_record_says_how_it_came_about(recorded: Recorded) -> None:
    run = sematic.get_run(recorded.run_id)
    assert run.state == "RESOLVED"
    assert run.inputs["candidates"] == CANDIDATES
    assert same(run.output, recorded.report)
    names = [child.name for child in run.children]
    assert names[:2] == ["load", "split"]
    assert [name for name in names if name.startswith("train ")] == [f"train {each.name}" for each in CANDIDATES]
    assert names[-2:] == ["best_of", "evaluate"]
    assert all(child.state == "RESOLVED" for child in run.children)


def test_a_recorded_model_can_be_used_again(recorded: Recorded) -> None:
    run = sematic.get_run(recorded.run_id)
    by_name = {child.name: child for child in run.children}
    test = by_name["split"].output.test
    _, model = by_name["best_of"].output
    assert float((model.predict(test.pixels) == test.digits).mean()) == recorded.report.evaluation.accuracy


def test_worker_processes_give_the_same(tmp_path: Path) -> None:
    """As a user starts it: one process trains in two others, and prints the same report as one that trains alone."""
    arguments = ["--samples=400", "--candidates=3", "--seed=3"]
    alone = run_main(tmp_path / "none", *arguments, "--resolver=silent")
    parallel = run_main(tmp_path / "home", *arguments, "--max_parallelism=2")
    assert alone.stdout.startswith("Candidates by accuracy")
    assert parallel.stdout == alone.stdout
    assert not (tmp_path / "none").exists()


def run_main(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.digits.main", *arguments]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "SEMATIC_HOME": str(home)}
    return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=120, check=True)
