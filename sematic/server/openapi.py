"""The OpenAPI document, made of the table of routes and of the records themselves."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any, Union, get_args, get_origin, get_type_hints

from sematic.engine.records import Attempt, PipelineRun, Run
from sematic.engine.states import State
from sematic.ledger.base import Step
from sematic.server.routes import PREFIX, Query, Route
from sematic.server.uploads import Progress
from sematic.version import __version__

Schema = dict[str, Any]

_SIMPLE: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    State: {"type": "string", "enum": [str(state) for state in State]},
}
_RECORDS = {"PipelineRun": PipelineRun, "Run": Run, "Attempt": Attempt, "Step": Step, "Progress": Progress}
_LISTS = {"PipelineRuns": "PipelineRun", "Runs": "Run", "Attempts": "Attempt", "Steps": "Step"}
_QUERIES: dict[str, Schema] = {
    "a whole number": {"type": "integer", "minimum": 0},
    "a number": {"type": "number"},
    "a state": _SIMPLE[State],
    "a text": {"type": "string", "maxLength": 1000},
    "an id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sematic", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**{name: _of_record(kind) for name, kind in _RECORDS.items()}, **_lists(), **_OTHERS},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    answer = {"$ref": f"#/components/schemas/{route.answer}"}
    problem = {"$ref": "#/components/schemas/Problem"}
    result: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*map(_in_path, route.parameters()), *map(_in_query, route.query)],
        "responses": {
            "200": {"description": route.handle.__doc__, "content": {route.type: {"schema": answer}}},
            "default": {"description": "What went wrong.", "content": {"application/json": {"schema": problem}}},
        },
    }
    if route.body is not None:
        schema = {"type": "string", "format": "binary", "maxLength": route.body.limit}
        result["requestBody"] = {"required": True, "content": {route.body.type: {"schema": schema}}}
    if route.without_token:
        result["security"] = []
    return result


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(query: Query) -> dict[str, Any]:
    schema: Schema = dict(_QUERIES[query.kind])
    if query.most is not None:
        schema["maximum"] = query.most
    if query.default is not None:
        schema["default"] = query.default
    if query.many:
        schema = {"type": "array", "items": schema}
    return {"name": query.name, "in": "query", "required": query.needed, "schema": schema}


def _of_record(kind: Any) -> Schema:
    hints = get_type_hints(kind)
    needed = [name for name, hint in hints.items() if type(None) not in get_args(hint)]
    return {
        "type": "object",
        "properties": {name: _of_hint(hint) for name, hint in hints.items()},
        "required": needed,
        "additionalProperties": False,
    }


def _of_hint(hint: Any) -> Schema:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(each for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _of_hint(get_args(hint)[0])}
    return _SIMPLE[hint]


def _lists() -> dict[str, Schema]:
    return {name: _items({"$ref": f"#/components/schemas/{record}"}) for name, record in _LISTS.items()}


def _items(schema: Schema) -> Schema:
    return _object({"items": {"type": "array", "items": schema}})


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_TEXT = _SIMPLE[str]
_OTHERS: dict[str, Schema] = {
    "Health": _object({"healthy": _SIMPLE[bool]}),
    "Version": _object({"version": _TEXT}),
    "Document": {"type": "object"},
    "Nothing": _object({}),
    "Committed": _object({"seq": _SIMPLE[int]}),
    "Ids": _items(_TEXT),
    "Source": _object({"text": _TEXT}),
    "Bytes": {"type": "string", "format": "binary"},
    "Artifact": _object(
        {
            "id": _TEXT,
            "spec": {"description": "The declared type."},
            "codec": _TEXT,
            "digest": _TEXT,
            "size": _SIMPLE[int],
            "inline": {"type": "boolean", "description": "Its bytes are its payload; otherwise they are a blob."},
            "summary": {"description": "What people are shown of the value."},
        }
    ),
    "Problem": _object({"error": _object({"kind": _TEXT, "message": _TEXT})}),
}
