"""Functions over numbers, lists, tuples, dicts and dataclasses, and a small language of graphs made of them.

An expression is data: ``("number", 3)``, ``("add", a, b)``, … `plain` evaluates it with plain Python, `built` with
calls of Sematic functions; `program` is a function that builds a graph inside of its body, however deep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import sematic

MODULUS = 1_000_003


@dataclass
class Point:
    x: int
    y: int
    tags: list[int]


class Pair(NamedTuple):
    first: int
    second: int


@sematic.func
def number(value: int) -> int:
    return value


@sematic.func
def add(a: int, b: int) -> int:
    return (a + b) % MODULUS


@sematic.func(inline=False)
def multiply(a: int, b: int) -> int:
    return (a * b) % MODULUS


@sematic.func
def total(values: list[int]) -> int:
    return sum(values) % MODULUS


@sematic.func
def span(a: int, b: int) -> tuple[int, int, list[int]]:
    return a, b, [a, b, a]


@sematic.func
def point(x: int, tags: list[int]) -> Point:
    return Point(x, -x, tags)


@sematic.func
def norm(p: Point) -> int:
    p.tags.append(p.x)  # its own copy: nobody else sees this
    return (p.x * p.x + p.y + sum(p.tags)) % MODULUS


@sematic.func
def pair(a: int, b: int) -> Pair:
    return Pair(a, b)


@sematic.func
def counted(values: list[int]) -> dict[str, int]:
    return {"count": len(values), "sum": sum(values) % MODULUS}


@sematic.func
def merged(table: dict[str, int]) -> int:
    return sum(table.values()) % MODULUS


@sematic.func
def either(first: int, second: int | None = None) -> int:
    return first if second is None else second


@sematic.func
def program(expression: str) -> int:
    """Builds the graph of an expression, written as Python data, and returns its future."""
    import ast

    return built(ast.literal_eval(expression))  # type: ignore[no-any-return]


@sematic.func
def countdown(steps: int, value: int) -> int:
    """A loop that goes on in the functions it returns."""
    return value if steps == 0 else countdown(steps - 1, add(value, steps))


Expression = tuple[Any, ...]


def plain(expression: Expression) -> int:
    """What plain Python gives."""
    value: int = _evaluated(expression, lambda function: function.body, plain)
    return value


def built(expression: Expression) -> Any:
    """The same with calls of Sematic functions: a future."""
    return _evaluated(expression, lambda function: function, lambda nested: program(repr(nested)))


def whole(expression: Expression) -> sematic.Future[int]:
    """A future to resolve: what is built may be a part of one only."""
    return number.future(built(expression))


def _evaluated(expression: Expression, of: Any, nested: Any) -> Any:
    kind, *parts = expression
    if kind == "nested":
        return nested(parts[0])
    if kind == "number":
        return of(number)(parts[0])
    if kind == "countdown":
        return of(countdown)(parts[0], parts[1]) if of(number) is number else _counted_down(*parts)
    values = [_evaluated(part, of, nested) for part in parts]
    return _KINDS[kind](of, *values)


def _counted_down(steps: int, value: int) -> int:
    for step in range(steps, 0, -1):
        value = (value + step) % MODULUS
    return value


def _span_parts(of: Any, a: Any, b: Any) -> Any:
    first, second, rest = of(span)(a, b)
    return of(total)([rest[2], first, second, rest[0]])


_KINDS: dict[str, Any] = {
    "add": lambda of, a, b: of(add)(a, b),
    "multiply": lambda of, a, b: of(multiply)(a, b),
    "list": lambda of, a, b: of(total)([a, b, 7]),
    "span": _span_parts,
    "index": lambda of, a, b: of(span)(a, b)[2][1],
    "point": lambda of, a, b: of(norm)(of(point)(a, [b, 1])),
    "collected": lambda of, a, b: of(norm)(Point(a, b, [b, 2])),
    "field": lambda of, a, b: of(add)(of(point)(a, [b]).tags[0], of(point)(b, [1]).y),
    "pair": lambda of, a, b: of(add)(of(pair)(a, b).second, of(pair)(b, a)[0]),
    "table": lambda of, a, b: of(merged)(of(counted)([a, b])),
    "key": lambda of, a, b: of(add)(of(counted)([a, b])["sum"], b),
    "entries": lambda of, a, b: of(merged)({"a": a, "b": b}),
    "chosen": lambda of, a, b: of(span)(a, b)[2][of(number)(1)],
    "optional": lambda of, a, b: of(add)(of(either)(a), of(either)(a, b)),
    "shared": lambda of, a, b: of(add)(of(total)([a, a]), of(multiply)(a, b)),
}
KINDS = tuple(_KINDS)
