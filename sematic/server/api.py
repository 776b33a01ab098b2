"""The routes of the API, version 1, in one table."""

from __future__ import annotations

from collections.abc import Iterator

from sematic.errors import ArtifactError
from sematic.server.openapi import document
from sematic.server.routes import (
    BYTES,
    COMMIT,
    Answer,
    Body,
    Call,
    Query,
    Route,
    Service,
    known_digest,
    known_id,
    listed,
)
from sematic.types.base import Buffer
from sematic.version import __version__
from sematic.wire import COMMIT_LIMIT, LONGEST_WAIT, PAGE, PIECE, artifact_to_json, decode_commit, to_json

_STREAMED = 1 << 18


def health(service: Service, call: Call) -> Answer:
    """Whether the server answers at all."""
    return Answer({"healthy": True})


def version(service: Service, call: Call) -> Answer:
    """Which Sematic this is."""
    return Answer({"version": __version__})


def openapi(service: Service, call: Call) -> Answer:
    """This description."""
    return Answer(document(ROUTES))


def pipeline_runs(service: Service, call: Call) -> Answer:
    """Newest first; the cursor is the last row of the page before."""
    query = call.query
    cursor = (query["before_time"], query["before_id"])
    before = None if None in cursor else cursor
    found = service.ledger.pipeline_runs(query["limit"], before, query["state"], query["function"])
    return listed(found, to_json)


def pipeline_run(service: Service, call: Call) -> Answer:
    """One pipeline run."""
    return Answer(to_json(service.ledger.pipeline_run(known_id(call))))


def remove(service: Service, call: Call) -> Answer:
    """Forget a pipeline run; refused while it is owned."""
    service.ledger.remove(known_id(call))
    service.waiters.wake()
    return Answer({})


def commit(service: Service, call: Call) -> Answer:
    """All changes in one transaction, or none."""
    id = known_id(call)
    asked = decode_commit(call.body)
    seq = service.ledger.commit(id, asked.changes, asked.nonce)
    service.waiters.wake()
    return Answer({"seq": seq})


def changes(service: Service, call: Call) -> Answer:
    """The commits after a number, oldest first; with `wait`, an answer comes when there are any."""
    id, query = known_id(call), call.query
    found = service.waiters.wait(
        lambda: service.ledger.changes_after(id, query["after"], query["limit"]), float(query["wait"])
    )
    return listed(found, to_json)


def runs_of(service: Service, call: Call) -> Answer:
    """All runs of a pipeline run: parents before children, siblings by position."""
    return listed(service.ledger.runs(known_id(call)), to_json)


def live_attempts(service: Service, call: Call) -> Answer:
    """The attempts of a pipeline run that have not ended."""
    return listed(service.ledger.live_attempts(known_id(call)), to_json)


def find_runs(service: Service, call: Call) -> Answer:
    """Up to ten ids of runs that start with `prefix`."""
    return listed(service.ledger.find(call.query["prefix"]), str)


def run(service: Service, call: Call) -> Answer:
    """One run."""
    return Answer(to_json(service.ledger.run(known_id(call))))


def children(service: Service, call: Call) -> Answer:
    """The runs of the graph that a run returned."""
    return listed(service.ledger.children(known_id(call)), to_json)


def attempts(service: Service, call: Call) -> Answer:
    """All attempts at a run, oldest first."""
    return listed(service.ledger.attempts(known_id(call)), to_json)


def find_artifacts(service: Service, call: Call) -> Answer:
    """Up to ten ids of artifacts that start with `prefix`."""
    return listed(service.ledger.find_artifacts(call.query["prefix"]), str)


def artifact(service: Service, call: Call) -> Answer:
    """The facts and the summary of an artifact."""
    return Answer(artifact_to_json(service.ledger.artifact(known_id(call))))


def payload(service: Service, call: Call) -> Answer:
    """The bytes of an artifact that are not in the store."""
    data = service.ledger.artifact(known_id(call)).blob.data
    if data is None:
        raise KeyError(f"payload of {call.path['id']} here: its bytes are a blob")
    return _bytes(data, call)


def source(service: Service, call: Call) -> Answer:
    """The source text of a function, by its digest."""
    return Answer({"text": service.ledger.source(call.path["digest"])})


def blob(service: Service, call: Call) -> Answer:
    """The bytes with a digest, or a range of them."""
    digest, size = known_digest(call), call.query["size"]
    if not service.store.exists(digest, size):
        raise KeyError(f"blob {digest} of {size} bytes")
    return _bytes(service.store.read(digest, size), call)


def upload_progress(service: Service, call: Call) -> Answer:
    """How much of a blob has arrived."""
    found = service.uploads.progress(call.token, known_digest(call), call.query["size"])
    return Answer(found._asdict())


def upload(service: Service, call: Call) -> Answer:
    """A piece of a blob. The last one makes it a blob, when its digest is right."""
    query = call.query
    added = service.uploads.add(call.token, known_digest(call), query["size"], query["offset"], call.body)
    return Answer(added._asdict())


def _bytes(data: Buffer, call: Call) -> Answer:
    view = memoryview(data).cast("B")
    size = len(view)
    if call.byte_range is None:
        return Answer(_pieces(view), 200, BYTES, {"Content-Length": str(size), "Accept-Ranges": "bytes"})
    start, end = call.byte_range
    end = min(end, size)
    if start >= end:
        raise ArtifactError(f"there are no bytes from {start} on: there are {size}")
    headers = {"Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{size}"}
    return Answer(_pieces(view[start:end]), 206, BYTES, headers)


def _pieces(view: memoryview) -> Iterator[bytes]:
    for start in range(0, len(view), _STREAMED):
        yield bytes(view[start : start + _STREAMED])


_SIZE = Query("size", "a whole number", needed=True)
_PREFIX = Query("prefix", "a text", default="")

ROUTES = (
    Route("GET", "/health", health, "Health", "Health", without_token=True),
    Route("GET", "/version", version, "Version", "Version"),
    Route("GET", "/openapi.json", openapi, "This document", "Document"),
    Route(
        "GET",
        "/pipeline-runs",
        pipeline_runs,
        "Pipeline runs, newest first",
        "PipelineRuns",
        (
            Query("limit", "a whole number", 50, most=PAGE),
            Query("before_time", "a number"),
            Query("before_id", "an id"),
            Query("state", "a state", many=True),
            Query("function", "a text"),
        ),
    ),
    Route("GET", "/pipeline-runs/{id}", pipeline_run, "One pipeline run", "PipelineRun"),
    Route("DELETE", "/pipeline-runs/{id}", remove, "Forget a pipeline run", "Nothing"),
    Route(
        "POST",
        "/pipeline-runs/{id}/commits",
        commit,
        "Commit changes in one transaction",
        "Committed",
        body=Body(COMMIT, COMMIT_LIMIT),
    ),
    Route(
        "GET",
        "/pipeline-runs/{id}/changes",
        changes,
        "The commits after a number",
        "Steps",
        (
            Query("after", "a whole number", 0),
            Query("limit", "a whole number", PAGE, most=PAGE),
            Query("wait", "a whole number", 0, most=LONGEST_WAIT),
        ),
    ),
    Route("GET", "/pipeline-runs/{id}/runs", runs_of, "All runs of a pipeline run", "Runs"),
    Route("GET", "/pipeline-runs/{id}/live-attempts", live_attempts, "The attempts that have not ended", "Attempts"),
    Route("GET", "/runs", find_runs, "Ids of runs by their first digits", "Ids", (_PREFIX,)),
    Route("GET", "/runs/{id}", run, "One run", "Run"),
    Route("GET", "/runs/{id}/children", children, "The runs of the graph that a run returned", "Runs"),
    Route("GET", "/runs/{id}/attempts", attempts, "All attempts at a run", "Attempts"),
    Route("GET", "/artifacts", find_artifacts, "Ids of artifacts by their first digits", "Ids", (_PREFIX,)),
    Route("GET", "/artifacts/{id}", artifact, "One artifact, without its bytes", "Artifact"),
    Route("GET", "/artifacts/{id}/payload", payload, "The bytes of a small artifact", "Bytes", type=BYTES),
    Route("GET", "/sources/{digest}", source, "The source text of a function", "Source"),
    Route("GET", "/blobs/{digest}", blob, "The bytes of a large artifact", "Bytes", (_SIZE,), type=BYTES),
    Route("GET", "/uploads/{digest}", upload_progress, "How much of a blob has arrived", "Progress", (_SIZE,)),
    Route(
        "PUT",
        "/uploads/{digest}",
        upload,
        "Upload a piece of a blob",
        "Progress",
        (_SIZE, Query("offset", "a whole number", needed=True)),
        Body(BYTES, PIECE),
    ),
)
