"""What goes over the wire comes out as it went in, whatever it is."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sematic.engine import changes as c
from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger.base import Step
from sematic.ledger.tests.samples import artifact, facts, stored_artifact
from sematic.types.artifact import Artifact
from sematic.wire import Commit, Malformed, compatible, decode_commit, encode_commit, from_json, loads, to_json

ids = st.text("0123456789abcdef", min_size=32, max_size=32)
leaf = artifact(b"leaf")
artifacts = st.sampled_from([leaf, artifact(b"top", artifact(b"middle", leaf), leaf, summary=["s"]), stored_artifact()])
simple: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(1 << 63), (1 << 63) - 1),
    float: st.floats(-1e15, 1e15),
    State: st.sampled_from(State),
    Artifact: artifacts,
    tuple[str, ...]: st.lists(st.text(), max_size=3).map(tuple),
}
CHANGES = get_args(c.Change)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotated type."""
    if kind in simple:
        return simple[kind]
    if hasattr(kind, "_fields"):
        fields = {
            name: ids if name in ("id", "run_id", "pipeline_run_id", "parent_id") else values(hint)
            for name, hint in get_type_hints(kind).items()
        }
        return st.builds(kind, **fields)
    inner = [each for each in get_args(kind) if each is not type(None)]
    if type(None) in get_args(kind):
        return st.none() | values(inner[0])
    return st.lists(values(inner[0]), max_size=3)


@pytest.mark.parametrize("kind", [PipelineRun, Run, Attempt, Step])
@given(data=st.data())
def test_records(kind: type, data: st.DataObject) -> None:
    record = data.draw(values(kind))
    assert from_json(kind, loads(json.dumps(to_json(record)).encode())) == record


@pytest.mark.parametrize("kind", CHANGES)
@given(data=st.data())
def test_changes(kind: type, data: st.DataObject) -> None:
    changes = data.draw(st.lists(values(kind), max_size=3))
    got = decode_commit(encode_commit(Commit("nonce", changes)))
    assert got.nonce == "nonce"
    assert [_plain(change) for change in got.changes] == [_plain(change) for change in changes]


def _plain(change: Any) -> Any:
    if isinstance(change, c.ArtifactsAdded):
        return [_whole(each) for each in change.artifacts]
    return change


def _whole(artifact: Artifact) -> Any:
    return facts(artifact), [_whole(child) for child in artifact.children.values()]


def test_artifacts_go_once() -> None:
    top = artifact(b"top", leaf)
    body = encode_commit(Commit("nonce", [c.ArtifactsAdded([top, leaf]), c.ArtifactsAdded([top])]))
    assert body.endswith(b"\nleaftop")


@given(st.binary(max_size=200))
def test_noise_is_malformed(noise: bytes) -> None:
    with pytest.raises(Malformed):
        decode_commit(noise)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [("0.1.0", "0.1.9", True), ("0.1.0", "0.2.0", False), ("1.2.3", "2.2.3", False), ("0.1.0", "", False)],
)
def test_versions(ours: str, theirs: str, expected: bool) -> None:
    assert compatible(ours, theirs) is expected
