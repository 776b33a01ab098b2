"""The settings: environment before file before default; the file is never half written."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from sematic import settings
from sematic.errors import SettingsError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for setting in settings.SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("SEMATIC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.home() == home
    assert settings.get("home") == str(home)
    monkeypatch.setenv("SEMATIC_HOME", "~/elsewhere")
    assert settings.home() == Path.home() / "elsewhere"
    monkeypatch.setenv("SEMATIC_HOME", "")
    assert settings.home() == Path.home() / ".sematic"
    with pytest.raises(SettingsError, match="set SEMATIC_HOME in the environment"):
        settings.set("home", "/x")
    with pytest.raises(SettingsError, match="set SEMATIC_HOME in the environment"):
        settings.unset("home")


def test_reading_makes_nothing(home: Path) -> None:
    assert [settings.get(name) for name in settings.SETTINGS] == [str(home), True, "auto", None, None, None]
    assert not home.exists()


def test_file_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.set("max_parallelism", "4")
    settings.set("output_capture", "OFF")
    settings.set("progress", "tree")
    assert (settings.get("max_parallelism"), settings.get("output_capture"), settings.get("progress")) == (
        4,
        False,
        "tree",
    )
    monkeypatch.setenv("SEMATIC_MAX_PARALLELISM", "8")
    monkeypatch.setenv("SEMATIC_PROGRESS", "")
    assert (settings.get("max_parallelism"), settings.get("progress")) == (8, "tree")
    settings.unset("progress")
    settings.unset("progress")
    assert settings.get("progress") == "auto"


@pytest.mark.parametrize("name", ["nope", "Home", ""])
def test_unknown_names(name: str) -> None:
    for use in (settings.get, settings.unset, lambda name: settings.set(name, "1")):
        with pytest.raises(SettingsError, match=r"no setting .*; known are home, output_capture, .*api_token"):
            use(name)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("output_capture", "maybe", "on or off, not 'maybe'"),
        ("max_parallelism", "0", "a whole number of at least 1, not '0'"),
        ("max_parallelism", "-1", "a whole number"),
        ("max_parallelism", "²", "a whole number"),
        ("progress", "bar", "one of auto, lines, tree, quiet, not 'bar'"),
    ],
)
def test_values_are_checked(name: str, text: str, expected: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=expected):
        settings.set(name, text)
    assert not home.exists()
    monkeypatch.setenv(settings.SETTINGS[name].variable, text)
    with pytest.raises(SettingsError, match=rf"{name} \(SEMATIC_\w+\) must be"):
        settings.get(name)


def test_secrets_are_masked_and_kept_private(home: Path) -> None:
    settings.set("api_token", "hush")
    assert settings.get("api_token") == "hush"
    assert "hush" not in str(settings.shown())
    assert [shown.source for shown in settings.shown() if shown.name in ("home", "api_token", "progress")] == [
        "environment", "default", "file",
    ]  # fmt: skip
    assert (home / "settings.json").stat().st_mode & 0o777 == 0o600


def test_what_a_newer_version_wrote_is_left_alone(home: Path) -> None:
    settings.set("progress", "tree")
    (home / "settings.json").write_text('{"future": [1], "progress": "lines"}')
    settings.set("max_parallelism", "2")
    assert json.loads((home / "settings.json").read_text()) == {
        "future": [1],
        "progress": "lines",
        "max_parallelism": 2,
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"progress": "bar"}', "\udcff"])
def test_a_broken_file(home: Path, text: str) -> None:
    home.mkdir()
    (home / "settings.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=r"settings\.json"):
        settings.get("progress")
    with pytest.raises(SettingsError, match=r"settings\.json"):
        settings.set("max_parallelism", "2")
    assert (home / "settings.json").read_bytes() == text.encode("utf-8", "surrogateescape")


def test_a_home_that_cannot_be_written(home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(SettingsError, match="cannot be written"):
        settings.set("progress", "tree")


def _set_many(name: str, texts: list[str]) -> None:
    for text in texts:
        settings.set(name, text)


def test_two_processes_change_different_settings() -> None:
    context = multiprocessing.get_context("fork")
    work = [("max_parallelism", [str(n) for n in range(1, 200)]), ("progress", ["tree", "lines"] * 100)]
    processes = [context.Process(target=_set_many, args=args) for args in work]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (settings.get("max_parallelism"), settings.get("progress")) == (199, "lines")
