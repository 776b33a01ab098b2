"""ls, show, logs, source, artifact: what people see of finished, failed and interrupted pipeline runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import sematic
from sematic.cli.tests import pipelines
from sematic.cli.tests.processes import command, finished, program
from sematic.reading import get_run
from sematic.recorded import Record

Text = Callable[..., str]
Run = Callable[..., Result]


def newest(good: Text) -> str:
    """The id of the newest pipeline run."""
    return str(json.loads(good("ls", "--json", "--limit", "1"))["id"])


def columns(text: str) -> list[list[str]]:
    """What a pipe gets."""
    return [line.split("\t") for line in text.splitlines()]


def fail(n: int = 3) -> None:
    """Resolve a pipeline that fails."""
    os.environ[pipelines.FRAGILE] = "1"
    try:
        with pytest.raises(ValueError, match="good"):
            sematic.resolve(pipelines.failing(n))
    finally:
        del os.environ[pipelines.FRAGILE]


def test_empty_home_says_what_to_do(cli: Run, home: Path) -> None:
    result = cli("ls")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("no pipeline runs yet: ")
    assert cli("ls", "--json").output == ""
    assert not home.exists()


def test_every_command_fails_with_a_sentence_in_an_empty_home(bad: Text, home: Path) -> None:
    for arguments in [
        ["show", "ab"],
        ["logs", "ab"],
        ["source", "ab"],
        ["artifact", "get", "ab"],
        ["resume"],
        ["cancel", "ab"],
    ]:
        assert "nothing has been recorded" in bad(*arguments)
    assert not home.exists()


def test_ls_lists_newest_first(good: Text) -> None:
    sematic.resolve(pipelines.pipeline(3).set(name="first try", tags=["a", "b"]))
    fail()
    (failed, succeeded) = columns(good("ls"))
    assert failed[1:4] == ["FAILED", "sematic.cli.tests.pipelines:failing", ""]
    assert succeeded[1:4] == ["RESOLVED", "sematic.cli.tests.pipelines:pipeline", "first try"]
    assert succeeded[6] == "a,b"
    assert float(succeeded[5]) >= 0
    assert len(succeeded[0]) == 32


def test_ls_filters(good: Text) -> None:
    for n in range(3):
        sematic.resolve(pipelines.pipeline(n))
    fail()
    assert len(columns(good("ls", "--limit", "2"))) == 2
    assert [row[1] for row in columns(good("ls", "--state", "FAILED"))] == ["FAILED"]
    assert len(columns(good("ls", "--state", "failed", "--state", "RESOLVED"))) == 4
    assert len(columns(good("ls", "--function", "pipeline"))) == 3
    assert len(columns(good("ls", "--function", "sematic.cli.tests.pipelines:failing"))) == 1
    assert good("ls", "--function", "no_such") == ""


def test_ls_json_has_documented_keys(good: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    (line,) = good("ls", "--json").splitlines()
    data = json.loads(line)
    keys = "id state function name tags resolver created_at ended_at interrupted_at seconds resumed_from"
    assert list(data) == keys.split()
    assert data["tags"] == []


def test_usage_errors_exit_2(cli: Run) -> None:
    assert cli("ls", "--state", "asleep").exit_code == 2
    assert cli("no-such-command").exit_code == 2
    assert cli("gc", "--keep", "-1").exit_code == 2


def test_help_names_every_command(good: Text) -> None:
    text = good("--help")
    for name in "ls show logs artifact source resume rerun cancel rm gc settings version".split():
        assert f"\n  {name} " in text


def test_show_has_facts_and_a_tree(good: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    lines = good("show", "last").splitlines()
    facts, tree = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert any(line.split() == ["State", "RESOLVED"] for line in facts)
    assert any((line.startswith("Command") and "pytest" in line) or line.startswith("Command") for line in facts)
    calls = [line.partition(" ms  ")[2] for line in tree]
    assert calls == ["pipeline(n=3) → 3", "  numbers(n=3) → [0, 1, 2]", "  total(values=[0, 1, 2]) → 3"]


def test_show_failure_has_message_and_traceback_without_escapes(good: Text) -> None:
    fail()
    text = good("show", "last")
    assert "Failed in failing → fragile (" in text
    assert "Traceback (most recent call last)" in text
    assert "ValueError: no \\x1b[2J good\nsecond line" in text
    assert "✗ ValueError: no \\x1b[2J good\n" in text
    assert "\x1b" not in text


def test_show_waiting_input_is_pending(good: Text, killed: Callable[[str, int], None]) -> None:
    killed("halting", 3)
    tree = good("show", "last").split("\n\n")[-1]
    (waiting,) = [line for line in tree.splitlines() if "(pending)" in line]
    assert "CREATED" in waiting
    run = good("show", waiting.split()[0])
    assert "is not there yet: it comes from gated (" in run
    assert "INTERRUPTED" in run.partition("Input")[2]


def test_show_run_has_attempts(good: Text) -> None:
    sematic.resolve(pipelines.flaky(1))
    text = good("show", "last")
    assert "Attempt 1" in text and "OSError: not yet" in text
    assert "Attempt 2" in text
    assert "[attempt 2] → 1" in text


def test_show_folds_many_calls(good: Text) -> None:
    sematic.resolve(pipelines.doubly(60))
    tree = good("show", "last").split("\n\n")[-1].splitlines()
    assert len(tree) == 2
    assert "double x 60: 60 RESOLVED" in tree[1]
    assert len(good("show", "last", "--all").split("\n\n")[-1].splitlines()) == 61


def test_show_depth(good: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    tree = good("show", "last", "--depth", "0").split("\n\n")[-1].splitlines()
    assert len(tree) == 2
    assert "… 2 deeper (--depth): 2 RESOLVED" in tree[1]


def test_show_json(good: Text) -> None:
    fail()
    data = json.loads(good("show", "last", "--json"))
    assert list(data) == ["pipeline_run", "run", "attempts", "runs"]
    assert data["pipeline_run"]["state"] == "FAILED"
    states = {
        run["function"].rpartition(":")[2]: run["state"] for run in data["runs"] if run["function"][-5:] != "total"
    }
    assert states == {"failing": "NESTED_FAILED", "numbers": "RESOLVED", "fragile": "FAILED"}
    (failed,) = [run for run in data["runs"] if run["state"] == "FAILED"]
    assert failed["failure"]["class_name"] == "ValueError"
    assert failed["failure"]["run_id"] == failed["id"]
    assert list(failed["inputs"]) == ["value"]


def test_show_json_of_a_run_has_what_is_below(good: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    child = get_run(newest(good)).children[0]
    data = json.loads(good("show", child.id, "--json"))
    assert [run["id"] for run in data["runs"]] == [child.id]
    assert data["pipeline_run"]["id"] == child.pipeline_run_id


def test_ambiguous_prefix_lists_candidates(bad: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    message = bad("show", "")
    assert "could be any of these" in message
    assert "(numbers, RESOLVED)" in message


def test_unknown_ids_are_sentences(bad: Text) -> None:
    sematic.resolve(pipelines.pipeline(3))
    assert "there is no run 'xyz'" in bad("show", "xyz")
    assert "there is no run '\\x1b[2J'" in bad("show", "\x1b[2J")
    assert "there is no artifact 'xyz'" in bad("artifact", "get", "xyz")


def test_logs_of_a_pipeline_run_and_of_a_run(good: Text, cli: Run) -> None:
    assert finished(program("pipeline", 3)).returncode == 0
    text = good("logs", "last")
    numbers, total = get_run(newest(good)).children
    assert text == (f"==> numbers ({numbers.id[:12]})\nmaking 3\n==> total ({total.id[:12]})\nadding 3\n")
    assert good("logs", numbers.id) == "making 3\n"
    assert good("logs", total.id, "--stderr") == "adding 3\n"
    quiet = cli("logs", total.id, "--stdout")
    assert (quiet.stdout, quiet.exit_code) == ("", 0)
    assert "has printed nothing" in quiet.stderr
    assert json.loads(good("logs", numbers.id, "--json"))["stdout"] == "making 3\n"


def test_logs_by_attempt(good: Text, bad: Text) -> None:
    assert finished(program("flaky", 3)).returncode == 0
    assert (
        good("logs", "last")
        == f"==> flaky ({newest(good)[:12]})\nattempt 1\n==> flaky ({newest(good)[:12]}, attempt 2)\nattempt 2\n"
    )
    assert good("logs", "last", "--attempt", "2") == "attempt 2\n"
    assert "has no attempt 3: it has 2" in bad("logs", "last", "--attempt", "3")


def test_logs_of_a_killed_process(good: Text, killed: Callable[[str, int], None]) -> None:
    killed("halting", 3)
    assert good("logs", "last").endswith("==> outside of any finished run\nat the gate with 3\n")


def test_logs_of_a_killed_worker(good: Text, home: Path) -> None:
    assert finished([*program("remote", 3), "1"]).returncode == 0
    assert good("logs", "last") == f"==> remote ({newest(good)[:12]})\nremote with 3\n"
    (folder,) = (home / "logs").iterdir()
    (folder / "stdout").write_text("remote with 3\nand then it was killed\n")
    assert good("logs", "last").endswith("==> outside of any finished run\nand then it was killed\n")


def test_source(good: Text, bad: Text, killed: Callable[[str, int], None]) -> None:
    killed("halting", 3)
    assert "def halting(n: int) -> int:" in good("source", "last")
    waiting = get_run(newest(good)).children[-1]
    assert "has not started" in bad("source", waiting.id)
    assert json.loads(good("source", "last", "--json"))["function"].endswith(":halting")


def resolved_mix() -> tuple[str, str]:
    """The ids of a composite and of an array that were recorded."""
    config, values = pipelines.Config(3, "wide"), np.arange(10000.0)
    sematic.resolve(pipelines.mixed(config, values, "\x1b[2Jtext"))
    record = Record()
    run = next(record.pipeline_runs())
    view = get_run(run.id)
    assert view.output_id is not None
    array = view.inputs.artifact_id("values")
    assert array is not None
    return view.output_id, array


def test_artifact_get_json_and_value(good: Text) -> None:
    output, array = resolved_mix()
    config = get_run(newest(good)).inputs.artifact_id("config")
    assert json.loads(good("artifact", "get", str(config))) == {"width": 3, "label": "wide"}
    assert json.loads(good("artifact", "get", str(config), "--json"))["value"] == {"width": 3, "label": "wide"}
    assert good("artifact", "get", str(config), "--value") == "Config(width=3, label='wide')\n"
    first, second = json.loads(good("artifact", "get", output))
    assert (first, list(second)) == ({"width": 3, "label": "wide"}, ["$"])
    assert good("artifact", "get", output, "--value").startswith("(Config(")
    assert json.loads(good("artifact", "get", array, "--json"))["value"] is None


def test_artifact_get_writes_bytes(good: Text, cli: Run, tmp_path: Path) -> None:
    _, array = resolved_mix()
    file = tmp_path / "values.npy"
    file.write_text("before")
    assert good("artifact", "get", array, "-o", str(file)) == ""
    assert np.array_equal(np.load(file), np.arange(10000.0))
    assert cli("artifact", "get", array).stdout_bytes == file.read_bytes()
    assert cli("artifact", "get", array, "-o", "-").stdout_bytes == file.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["values.npy"]


def test_artifact_get_leaves_the_file_when_it_fails(good: Text, bad: Text, home: Path, tmp_path: Path) -> None:
    _, array = resolved_mix()
    blob = Path(json.loads(good("artifact", "show", array, "--json"))["stored"])
    file = tmp_path / "values.npy"
    file.write_text("before")
    blob.write_bytes(b"x" * blob.stat().st_size)
    assert "is corrupt" in bad("artifact", "get", array, "-o", str(file))
    assert file.read_text() == "before"
    assert "cannot be written" in bad("artifact", "get", array, "-o", str(tmp_path / "none" / "x"))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["values.npy"]


def test_artifact_show(good: Text) -> None:
    output, array = resolved_mix()
    facts = json.loads(good("artifact", "show", array, "--json"))
    assert list(facts) == ["id", "type", "codec", "size", "digest", "stored", "spec", "summary"]
    assert (facts["codec"], facts["size"]) == ("npy", 10000 * 8 + 128)
    assert "Type    tuple[Config, numpy.ndarray]\n" in good("artifact", "show", output)


def test_names_and_values_give_no_orders_to_terminals(good: Text) -> None:
    config, values = pipelines.Config(3, "\x1b[2J"), np.zeros(2)
    call = pipelines.mixed(config, values, "\x9b2J\u202e")
    sematic.resolve(sematic.options(call, name="\x1b]0;title\x07", tags=["\x1b[2J"]))
    for arguments in [["ls"], ["show", "last"]]:
        text = good(*arguments)
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert "\\x1b]0;title\\x07" in good("ls")


def test_ls_imports_nothing_heavy(home: Path) -> None:
    sematic.resolve(pipelines.pipeline(3))
    code = (
        "import sys\nsys.argv = ['sematic', 'ls']\nfrom sematic.cli import main\n"
        "try: main()\nfinally: print(sorted({'numpy', 'rich', 'sqlalchemy', 'alembic'} & set(sys.modules)))"
    )
    process = finished([sys.executable, "-c", code])
    assert process.stdout.splitlines()[-1] == "[]", process.stderr


def test_a_closed_pipe_is_silent() -> None:
    for n in range(3):
        sematic.resolve(pipelines.pipeline(n))
    process = subprocess.Popen(command("ls"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_debug_shows_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMATIC_DEBUG", "1")
    process = finished(command("show", "ab"))
    assert process.returncode == 1
    assert "Traceback" in process.stderr
