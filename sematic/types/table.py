"""The table of types for people: ``python -m sematic.types.table > docs/types.md``."""

from __future__ import annotations

from collections.abc import Iterator

from sematic.types import registry

_ORDER = (
    "None list set dict deque OrderedDict any union literal alias type enum dataclass namedtuple typeddict attrs "
    "pydantic abstract date path Decimal array pandas polars arrow sparse picture image figure plotly file "
    "estimator lightgbm custom class"
).split()

_HEAD = """\
# The table of types

Made by `python -m sematic.types.table` from what the families of types say of themselves. How they behave is told in
[the guide](guide/types.md).

"Accepts" says which values a parameter or result of the type takes, and what they are converted to. A subclass goes
for its base everywhere. Nothing else is converted: no text is parsed and nothing is rounded. "Kept as" is the format:
`json` is a text, in which elements that are large or binary stand for artifacts of their own; `pickle` is cloudpickle,
which can be read only where the same library is installed, in the same version; where it is a part of the name, class
and versions stand in front, and are compared. "Summary" is what people are shown.

| annotation | accepts | kept as | summary |
|-|-|-|-|
"""


def markdown() -> str:
    """The page."""
    return _HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    families = registry.rows()
    for word in [*_ORDER, *sorted(families.keys() - set(_ORDER))]:
        for row in families[word]:
            names = ", ".join(f"`{name}`" if _is_code(name) else name for name in _split(row.annotation))
            yield f"| {names} | {row.accepts} | {row.codec} | {row.summary} |\n".replace("A | ", "A \\| ")


def _split(annotation: str) -> list[str]:
    """The annotations of a line; the commas in brackets are theirs."""
    parts: list[str] = []
    for part in annotation.split(", "):
        if parts and parts[-1].count("[") > parts[-1].count("]"):
            parts[-1] += f", {part}"
        else:
            parts.append(part)
    return parts


def _is_code(name: str) -> bool:
    return "[" in name or " " not in name or " | " in name


if __name__ == "__main__":
    print(markdown(), end="")
