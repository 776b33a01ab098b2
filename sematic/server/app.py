"""The WSGI application: the table of routes under Flask. Closed by default: a route is open only if it says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flask import Flask, Request, Response, request

from sematic.server.api import ROUTES
from sematic.server.guard import Guard
from sematic.server.problems import Refused, problem_of
from sematic.server.routes import JSON, PREFIX, Answer, Call, Route, Service
from sematic.version import __version__
from sematic.wire import VERSION_HEADER

_HEADERS = {
    VERSION_HEADER: __version__,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")


def create_app(service: Service, guard: Guard) -> Flask:
    """The application over what it is given; nothing is global."""
    app = Flask("sematic", static_folder=None)
    by_endpoint = {route.name: route for route in ROUTES}
    app.before_request(lambda: _admit(guard, by_endpoint.get(request.endpoint or "")))
    for route in ROUTES:
        rule = PREFIX + route.path.replace("{", "<").replace("}", ">")
        app.add_url_rule(rule, route.name, _view(service, route), methods=[route.method])
    app.register_error_handler(Exception, _said)
    app.after_request(_with_headers)
    return app


def _admit(guard: Guard, route: Route | None) -> None:
    """Paths that are not there need a token, too: whoever has none does not learn which are."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    token = guard.admit(headers, without_token=route is not None and route.without_token)
    request.environ["sematic.token"] = "" if token is None else token.id


def _view(service: Service, route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        return _response(route.handle(service, _call(route, path, request)))

    return view


def _call(route: Route, path: Mapping[str, str], asked: Request) -> Call:
    body = _body(route, asked)
    query = route.parse({name: asked.args.getlist(name) for name in asked.args})
    return Call(asked.environ["sematic.token"], path, query, body, _byte_range(asked.headers.get("Range")))


def _body(route: Route, asked: Request) -> bytes:
    size = asked.content_length or 0
    limit = 0 if route.body is None else route.body.limit
    if size > limit:
        raise Refused(413, "TooLarge", f"{size} bytes are too many for {route.method} {route.path}: at most {limit}")
    if route.body is None:
        return b""
    if asked.mimetype != route.body.type:
        raise Refused(415, "Refused", f"{route.method} {route.path} takes {route.body.type}, not {asked.mimetype!r}")
    return asked.get_data(cache=False)


def _byte_range(text: str | None) -> tuple[int, int] | None:
    """What is no plain range is no range: that is what the header's definition asks for."""
    found = _RANGE.fullmatch(text or "")
    return (int(found[1]), int(found[2]) + 1) if found else None


def _response(answer: Answer) -> Response:
    if answer.type == JSON:
        from flask import json

        return Response(json.dumps(answer.data), answer.status, mimetype=JSON)
    response = Response(answer.data, answer.status, mimetype=answer.type)
    response.headers.update({**answer.headers, "Content-Disposition": "attachment"})
    return response


def _said(error: Exception) -> Response:
    problem = problem_of(error)
    response = _response(Answer(problem.to_json(), problem.status))
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _with_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response
