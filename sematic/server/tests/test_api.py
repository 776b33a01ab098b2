"""What the routes answer, and that the document says so."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sematic.errors import Fenced
from sematic.ledger.tests.samples import ROOT, artifact, begin, id_of
from sematic.server.api import ROUTES
from sematic.server.app import create_app
from sematic.server.routes import JSON, PREFIX, Route
from sematic.server.tests.asking import ask, call, filled
from sematic.server.tests.conftest import SMALL
from sematic.server.tests.serving import Served
from sematic.storage.local import INLINE_LIMIT

BIG = bytes(range(256)) * 1000
assert len(BIG) > INLINE_LIMIT


def document(served: Served) -> Any:
    return ask(served, "GET", f"{PREFIX}/openapi.json").json()


class TestDocument:
    def test_it_has_every_route_of_the_application_and_no_other(self, served: Served) -> None:
        app = create_app(None, None)  # type: ignore[arg-type]
        real = {
            (method, rule.rule.replace("<", "{").replace(">", "}"))
            for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        said = {(method.upper(), path) for path, methods in document(served)["paths"].items() for method in methods}
        assert said == real == {(route.method, PREFIX + route.path) for route in ROUTES}

    def test_operations_have_names_of_their_own(self) -> None:
        assert len({route.name for route in ROUTES}) == len(ROUTES)

    def test_its_references_lead_somewhere(self, served: Served) -> None:
        said = document(served)
        names = {part.split('"')[0] for part in json.dumps(said).split("#/components/schemas/")[1:]}
        assert names == said["components"]["schemas"].keys() - {"Nothing"} | {"Nothing"}

    @pytest.mark.parametrize(
        "route",
        [route for route in ROUTES if route.method == "GET" and route.type == JSON],
        ids=lambda route: route.name,
    )
    def test_answers_are_what_it_says(self, served: Served, route: Route) -> None:
        id = SMALL.id if route.path.startswith("/artifacts") else ROOT
        said = call(served, route, path=filled(route, id=id))
        assert said.status == 200, said.body
        schemas = document(served)["components"]["schemas"]
        _conforms(said.json(), {"$ref": f"#/components/schemas/{route.answer}"}, schemas)

    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
    def test_problems_are_what_it_says(self, served: Served, route: Route) -> None:
        problem = document(served)["components"]["schemas"]["Problem"]
        _conforms(call(served, route, headers={"Origin": "null"}).json(), problem, {})


def _conforms(data: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Enough of JSON Schema for what the document uses."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    if "type" in schema:
        assert isinstance(data, kinds[schema["type"]]), (data, schema)
    if "enum" in schema:
        assert data in schema["enum"]
    if "properties" in schema:
        assert set(schema["required"]) <= data.keys() <= schema["properties"].keys()
        for name, value in data.items():
            _conforms(value, schema["properties"][name], schemas)
    for each in data if "items" in schema else ():
        _conforms(each, schema["items"], schemas)


class TestBlobs:
    def upload(self, served: Served, data: bytes, start: int, end: int, **given: Any) -> Any:
        digest = hashlib.sha256(data).hexdigest()
        path = f"{PREFIX}/uploads/{given.pop('digest', digest)}?size={len(data)}&offset={start}"
        headers = {"Content-Type": "application/octet-stream"}
        return ask(served, "PUT", path, body=data[start:end], headers=headers, **given)

    def test_in_pieces(self, served: Served) -> None:
        assert self.upload(served, BIG, 0, 100_000).json() == {"received": 100_000, "stored": False}
        assert self.upload(served, BIG, 100_000, len(BIG)).json() == {"received": len(BIG), "stored": True}
        digest = next(served.store.blobs.glob("??/*"))
        said = ask(served, "GET", f"{PREFIX}/blobs/{digest.parent.name}{digest.name}?size={len(BIG)}")
        assert (said.status, said.body) == (200, BIG)
        assert said.headers["content-disposition"] == "attachment"

    def test_a_piece_that_comes_again_or_too_early_changes_nothing(self, served: Served) -> None:
        self.upload(served, BIG, 0, 100_000)
        for start, end in ((0, 100_000), (150_000, 160_000), (50_000, 150_000)):
            assert self.upload(served, BIG, start, end).json() == {"received": 100_000, "stored": False}
        self.upload(served, BIG, 100_000, len(BIG))
        assert self.upload(served, BIG, 100_000, len(BIG)).json()["stored"]

    def test_other_bytes_than_their_digest_says(self, served: Served) -> None:
        said = self.upload(served, BIG, 0, len(BIG), digest="a" * 64)
        assert said.problem()[:2] == (422, "ArtifactError")
        assert list(served.uploads.iterdir()) == []
        assert not served.store.exists("a" * 64, len(BIG))

    def test_nobody_adds_to_what_another_uploads(self, served: Served) -> None:
        self.upload(served, BIG, 0, 100_000)
        other = served.tokens.create("other")
        wrong = b"?" * len(BIG)
        digest = hashlib.sha256(BIG).hexdigest()
        assert self.upload(served, wrong, 100_000, len(BIG), digest=digest, token=other).json()["received"] == 0
        assert self.upload(served, BIG, 100_000, len(BIG)).json()["stored"]

    @pytest.mark.parametrize("query", ["size=10&offset=0", f"size={1 << 41}&offset=0", "size=100000&offset=99999"])
    def test_sizes_that_cannot_be(self, served: Served, query: str) -> None:
        said = ask(
            served, "PUT", f"{PREFIX}/uploads/{'a' * 64}?{query}", body=b"xx",
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
        assert said.problem()[:2] == (400, "Malformed")
        assert not served.uploads.exists()

    @pytest.mark.parametrize(
        ("asked", "status", "got"),
        [
            ("bytes=0-9", 206, slice(0, 10)),
            ("bytes=255999-255999", 206, slice(255_999, 256_000)),
            ("bytes=255000-999999999", 206, slice(255_000, None)),
            ("bytes=-5", 200, slice(None)),
            ("bytes=9-1", 422, None),
            ("bytes=256000-256001", 422, None),
            ("bytes=" + "9" * 40 + "-", 200, slice(None)),
        ],
    )
    def test_ranges(self, served: Served, asked: str, status: int, got: slice | None) -> None:
        digest = served.store.write([BIG]).digest
        said = ask(served, "GET", f"{PREFIX}/blobs/{digest}?size={len(BIG)}", headers={"Range": asked})
        assert said.status == status
        assert got is None or said.body == BIG[got]

    def test_a_size_that_is_not_its_own(self, served: Served) -> None:
        digest = served.store.write([BIG]).digest
        assert ask(served, "GET", f"{PREFIX}/blobs/{digest}?size=1").status == 404


class TestWaiting:
    def changes(self, served: Served, after: int, wait: int) -> Any:
        return ask(served, "GET", f"{PREFIX}/pipeline-runs/{ROOT}/changes?after={after}&wait={wait}").json()["items"]

    def test_what_is_there_comes_at_once(self, served: Served) -> None:
        assert [step["seq"] for step in self.changes(served, 1, 30)] == [2, 3]

    def test_a_commit_wakes_who_waits(self, served: Served) -> None:
        got: list[Any] = []
        waiting = threading.Thread(target=lambda: got.extend(self.changes(served, 3, 30)))
        waiting.start()
        served.connection().ask(
            "POST", f"/pipeline-runs/{ROOT}/commits",
            body=b'{"nonce": "n", "artifacts": [], "changes": []}\n',
            headers={"Content-Type": "application/vnd.sematic.commit"},
        )  # fmt: skip
        waiting.join()
        assert [step["seq"] for step in got] == [4]

    def test_so_does_a_commit_of_another_process(self, served: Served) -> None:
        got: list[Any] = []
        waiting = threading.Thread(target=lambda: got.extend(self.changes(served, 3, 30)))
        waiting.start()
        served.ledger.commit(ROOT, [])
        waiting.join()
        assert [step["seq"] for step in got] == [4]

    def test_others_are_answered_while_many_wait(self, served: Served) -> None:
        crowd = [threading.Thread(target=self.changes, args=(served, 3, 30)) for _ in range(40)]
        for each in crowd:
            each.start()
        assert ask(served, "GET", f"{PREFIX}/health").json() == {"healthy": True}
        served.ledger.commit(ROOT, [])
        for each in crowd:
            each.join()


def test_errors_of_the_ledger_come_out_as_themselves(served: Served) -> None:
    body = {"change": "RunMoved", "run_id": id_of(77), "target": "RUNNING", "at": 1.0}
    said = ask(
        served, "POST", f"{PREFIX}/pipeline-runs/{ROOT}/commits",
        body=json.dumps({"nonce": "n", "artifacts": [], "changes": [body]}).encode() + b"\n",
        headers={"Content-Type": "application/vnd.sematic.commit"},
    )  # fmt: skip
    assert said.problem()[:2] == (409, Fenced.__name__)
    assert "has no run" in said.problem()[2]


def test_a_removed_pipeline_run_is_gone(served: Served) -> None:
    begin(served.ledger, id_of(9), owner=None)
    assert ask(served, "DELETE", f"{PREFIX}/pipeline-runs/{id_of(9)}").json() == {}
    assert ask(served, "GET", f"{PREFIX}/pipeline-runs/{id_of(9)}").problem()[:2] == (404, "NotFound")
    assert ask(served, "DELETE", f"{PREFIX}/pipeline-runs/{ROOT}").problem()[:2] == (422, "LedgerError")


BOMB = """
import pathlib, sys
unpickled = []
sys.addaudithook(lambda event, arguments: unpickled.append(event) if event == "pickle.find_class" else None)
from sematic.engine.changes import ArtifactsAdded
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.ledger.tests.samples import ROOT, begin, artifact
from sematic.client.ledger import RemoteLedger
from sematic.server.api import ROUTES
from sematic.server.tests.asking import call, filled
from sematic.server.tests.serving import Served
folder = pathlib.Path(sys.argv[1])
ledger = open_sqlite(folder / "ledger.db", cache=sys.argv[2])
with Served(ledger, folder) as served:
    remote = RemoteLedger(served.connection())
    begin(remote)
    bomb = artifact(b"cos\\nsystem\\n(S'touch %s'\\ntR." % str(folder / "exploded").encode())
    bomb.spec, bomb.codec = ["class", "os", "system"], "pickle"
    remote.commit(ROOT, [ArtifactsAdded([bomb])])
    for route in ROUTES:
        call(served, route, path=filled(route, id=bomb.id if "artifact" in route.path else ROOT))
    assert remote.artifact(bomb.id).blob.data
print(unpickled, "cloudpickle" in sys.modules, (folder / "exploded").exists())
if len(sys.argv) > 3:
    import pickle
    pickle.loads(bomb.blob.data)
    print(unpickled, (folder / "exploded").exists())
"""


@pytest.mark.parametrize("open_it", [False, True], ids=["served", "and opened, to see that it is one"])
def test_a_hostile_pickle_is_never_opened(tmp_path: Path, cache: Path, open_it: bool) -> None:
    command = [sys.executable, "-c", BOMB, str(tmp_path), str(cache), *(["open"] if open_it else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    expected = "[] False False\n" + ("['pickle.find_class'] True\n" if open_it else "")
    assert done.stdout == expected, done.stderr


def test_an_artifact_is_shown_without_its_bytes(served: Served) -> None:
    said = ask(served, "GET", f"{PREFIX}/artifacts/{SMALL.id}").json()
    assert (said["summary"], said["inline"], said["size"]) == (["for people"], True, 5)
    payload = ask(served, "GET", f"{PREFIX}/artifacts/{SMALL.id}/payload")
    assert (payload.body, payload.headers["content-type"]) == (b"small", "application/octet-stream")
    assert artifact(b"small").id == SMALL.id
