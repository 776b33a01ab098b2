"""What a route is, and what its handler is given: the one table of them (api.py) makes the app and the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sematic.engine.states import State
from sematic.ledger.base import Ledger
from sematic.server.uploads import BlobStore, Uploads
from sematic.server.waiting import Waiters
from sematic.wire import DIGEST, ID, Malformed

PREFIX = "/api/v1"

JSON = "application/json"
BYTES = "application/octet-stream"
COMMIT = "application/vnd.sematic.commit"

_TEXT_LIMIT = 1000


class Service(NamedTuple):
    """What the API speaks for."""

    ledger: Ledger
    store: BlobStore
    uploads: Uploads
    waiters: Waiters


class Call(NamedTuple):
    """One request: admitted, and with its parameters checked. `byte_range` is from where to before where, if asked."""

    token: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    byte_range: tuple[int, int] | None = None


class Answer(NamedTuple):
    """`data`: something that JSON can say, or bytes of `type` by the piece."""

    data: Any
    status: int = 200
    type: str = JSON
    headers: Mapping[str, str] = {}


class Query(NamedTuple):
    """A parameter of the query. Without a default it must be given; `many` may be given more than once."""

    name: str
    kind: str
    default: Any = None
    needed: bool = False
    most: int | None = None
    many: bool = False

    def parse(self, values: list[str]) -> Any:
        """Its value. Raises Malformed."""
        if self.many:
            return [self._one(value) for value in values]
        if len(values) > 1:
            raise Malformed(f"{self.name} is given {len(values)} times")
        if not values and self.needed:
            raise Malformed(f"{self.name} is missing")
        return self._one(values[0]) if values else self.default

    def _one(self, text: str) -> Any:
        try:
            return _KINDS[self.kind](text, self.most)
        except ValueError:
            at_most = "" if self.most is None else f" of at most {self.most}"
            raise Malformed(f"{self.name}: {self.kind}{at_most} was expected, got {text[:50]!r}") from None


class Body(NamedTuple):
    """What a request carries."""

    type: str
    limit: int


class Route(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    handle: Callable[[Service, Call], Answer]
    summary: str
    answer: str
    query: tuple[Query, ...] = ()
    body: Body | None = None
    type: str = JSON
    without_token: bool = False

    @property
    def name(self) -> str:
        """Unique among all."""
        return self.handle.__name__

    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"{(\w+)}", self.path)

    def parse(self, given: Mapping[str, list[str]]) -> dict[str, Any]:
        """The values of its query. Raises Malformed, also for what is not known."""
        unknown = given.keys() - {query.name for query in self.query}
        if unknown:
            raise Malformed(f"{min(unknown)[:50]!r} is no parameter of {self.method} {PREFIX}{self.path}")
        return {query.name: query.parse(given.get(query.name, [])) for query in self.query}


def known_id(call: Call) -> str:
    """The id in the path. Raises KeyError for what cannot be one: there is nothing of that name."""
    return _matching(ID, call.path["id"])


def known_digest(call: Call) -> str:
    """The digest in the path. Raises KeyError for what cannot be one."""
    return _matching(DIGEST, call.path["digest"])


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise KeyError(text[:100])
    return text


def listed(records: Iterable[Any], encode: Callable[[Any], Any]) -> Answer:
    """An answer of many records."""
    return Answer({"items": [encode(record) for record in records]})


def _whole(text: str, most: int | None) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if value < 0 or value >= 1 << 63 or (most is not None and value > most):
        raise ValueError
    return value


def _number(text: str, most: int | None) -> float:
    value = float(text)
    if not abs(value) < 1e300:
        raise ValueError
    return value


def _state(text: str, most: int | None) -> State:
    return State(text)


def _text(text: str, most: int | None) -> str:
    if len(text) > _TEXT_LIMIT or "\0" in text:
        raise ValueError
    return text


def _id(text: str, most: int | None) -> str:
    if not ID.fullmatch(text):
        raise ValueError
    return text


_KINDS: dict[str, Callable[[str, int | None], Any]] = {
    "a whole number": _whole,
    "a number": _number,
    "a state": _state,
    "a text": _text,
    "an id": _id,
}
