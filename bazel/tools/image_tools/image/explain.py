"""What is in an image and why, as a table for people."""

from collections.abc import Iterable, Mapping, Sequence

from image_tools.image.manifest import Json
from image_tools.layer.records import Metadata, Record

_HEADINGS = ("layer", "size", "unpacked", "paths", "what and why")
_MOST_USERS = 3  # In a row of the table.
_UNITS = ("B", "kB", "MB", "GB", "TB")


Users = Mapping[str, Sequence[str]]
"""Who asks for a wheel by itself."""


def table(base: Sequence[Json], layers: Iterable[Metadata], contents: dict[str, list[str]], users: Users) -> str:
    """A row for each layer, bottom first; `contents` says what was put together in a bin."""
    rows = [_HEADINGS]
    rows += [(f"base {number}", human(item["size"]), "", "", item["digest"]) for number, item in enumerate(base)]
    rows += [_row(layer, contents.get(layer.name, []), users.get(layer.name, [])) for layer in layers]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(_line(row, widths) for row in rows)


def why(path: str, indexes: Iterable[tuple[Metadata, Iterable[Record]]], users: Users) -> list[str]:
    """A sentence for each layer that has `path`, or has something in it when it is a folder."""
    path = path.strip("/")
    found = []
    for layer, records in indexes:
        inside = [record for record in records if record.path == path or record.path.startswith(path + "/")]
        if inside:
            found.append(_sentence(path, layer, inside, users))
    return found


def human(size: int) -> str:
    """A size with three digits or so."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 100 else f"{value:.1f} {_UNITS[unit]}"


def _row(layer: Metadata, contents: list[str], users: Sequence[str]) -> tuple[str, str, str, str, str]:
    what = ", ".join(part for part in (" ".join(contents), layer.reason, _for(users)) if part)
    if layer.zlib:
        what += f" (compressed by zlib {layer.zlib}: the digest is this machine's)"
    return layer.name, human(layer.size), human(layer.unpacked), str(layer.entries), what


def _for(users: Sequence[str]) -> str:
    if not users:
        return ""
    more = f" and {len(users) - _MOST_USERS} more" if len(users) > _MOST_USERS else ""
    return f"for {', '.join(users[:_MOST_USERS])}{more}"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers, what = row
    cells = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:])), what]
    return "  ".join(cells).rstrip()


def _sentence(path: str, layer: Metadata, inside: list[Record], users: Users) -> str:
    origins = sorted({record.origin for record in inside if record.kind != "dir"} or {layer.name})
    size = human(sum(record.size for record in inside))
    share = f", from {' '.join(origins)}" if origins != [layer.name] else ""
    asked = [f"{origin} is there for {', '.join(users[origin])}" for origin in origins if users.get(origin)]
    reason = "; ".join([layer.reason] * bool(layer.reason) + asked)
    what = f"{len(inside)} paths, {size}" if len(inside) > 1 else f"{inside[0].kind}, {size}"
    return f"{path} ({what}) is in layer {layer.name}{share}{': ' if reason else ''}{reason}"
