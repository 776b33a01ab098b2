"""How File and Directory are stored: their names and modes as JSON, their bytes as parts.

A file of more than SMALL bytes is a part of its own, so that it is stored once however many directories it is in;
the smaller ones of a directory are one part together, so that a hundred thousand of them are not a hundred thousand
artifacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sematic.errors import ArtifactError
from sematic.types.artifact import PartReader, PartWriter
from sematic.types.base import BinaryType, Buffer, Json, JsonType, Spec, ValueType, describe
from sematic.types.files import Directory, File
from sematic.types.registry import Row, register
from sematic.types.scalars import STR, read_text, write_text
from sematic.types.summaries import ELEMENTS
from sematic.types.trees import Content, Node, check, of_buffer

SMALL = 1 << 16
_START = 200


class ContentType(BinaryType):
    """The bytes of one file or of several, as they are. No annotation stands for it."""

    codec = "bytes"

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return value

    def to_chunks(self, value: Content) -> Iterable[Buffer]:
        return value()

    def from_buffer(self, buffer: Buffer) -> memoryview:
        return memoryview(buffer).cast("B")

    def summarise(self, value: Content) -> Json:
        return None


_CONTENT = ContentType(["content"], "bytes of files")


class FileType(JsonType):
    """sematic.File."""

    python = File

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return _exactly(self, value)

    def to_json(self, value: File, parts: PartWriter) -> str:
        node = value._node()
        assert node.content is not None
        content = parts.element(_CONTENT, node.content)
        return f'{{"content":{content},"mode":{node.mode},"name":{write_text(value.name)}}}'

    def from_json(self, data: Json, parts: PartReader | None) -> File:
        content = _content(data["content"], parts)
        node = Node(read_text(data["name"]), data["mode"], len(content), of_buffer(content, 0, len(content)))
        _check_name(node)
        return File._of(node)

    def summarise(self, value: File) -> Json:
        node = value._node()
        return {"file": STR.summarise(value.name), "length": node.size, "mode": f"{node.mode:04o}"} | _start(node)


class DirectoryType(JsonType):
    """sematic.Directory."""

    python = Directory

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return _exactly(self, value)

    def to_json(self, value: Directory, parts: PartWriter) -> str:
        nodes = list(value._nodes())
        entries = ",".join(_entry(node, parts) for node in nodes)
        small = parts.element(_CONTENT, lambda: _together(nodes))
        name = write_text(value.name)
        return f'{{"entries":[{entries}],"mode":{value._mode()},"name":{name},"small":{small}}}'

    def from_json(self, data: Json, parts: PartReader | None) -> Directory:
        name, small = read_text(data["name"]), _content(data["small"], parts)
        nodes: list[Node] = []
        at = 0
        for entry in data["entries"]:
            node = _node(entry, small, at, parts)
            nodes.append(node)
            at += node.size if node.size <= SMALL else 0
        if at != len(small):
            raise ArtifactError(f"its small files have {len(small)} bytes where {at} were expected")
        check(nodes)
        _check_name(Node(name or "root", data["mode"]))
        return Directory._of(name, data["mode"], nodes)

    def summarise(self, value: Directory) -> Json:
        nodes = list(value._nodes())
        files = [node for node in nodes if node.content is not None]
        shown = [[STR.summarise(node.path), node.size] for node in islice(files, ELEMENTS)]
        size = sum(node.size for node in files)
        return {"directory": STR.summarise(value.name), "files": shown, "length": len(files), "bytes": size}


def _check_name(node: Node) -> None:
    check([node])
    if "/" in node.path:
        raise ArtifactError(f"{node.path!r} is no name of a file or folder")


def _exactly(kind: ValueType, value: Any) -> Any:
    if type(value) is not kind.python:
        raise kind.refuse(value, f"write sematic.{kind.name}(path)" if hasattr(value, "__fspath__") else "")
    return value


def _entry(node: Node, parts: PartWriter) -> str:
    path = write_text(node.path)
    if node.target:
        return f'[{path},"link",{write_text(node.target)}]'
    if node.content is None:
        return f'[{path},"folder",{node.mode}]'
    content = parts.element(_CONTENT, node.content) if node.size > SMALL else "null"
    return f'[{path},"file",{node.mode},{node.size},{content}]'


def _together(nodes: Iterable[Node]) -> Iterator[Buffer]:
    for node in nodes:
        if node.content is not None and node.size <= SMALL:
            yield from node.content()


def _node(entry: Json, small: memoryview, at: int, parts: PartReader | None) -> Node:
    path, kind, *facts = entry
    if kind == "link":
        return Node(read_text(path), 0, target=read_text(facts[0]) or "/")
    if kind == "folder":
        return Node(read_text(path), _number(facts[0]))
    mode, size, content = facts
    held, start = (small, at) if _number(size) <= SMALL else (_content(content, parts), 0)
    if start + size > len(held) or (held is not small and size != len(held)):
        raise ArtifactError(f"{describe(path)} has not the {size} bytes that were expected")
    return Node(read_text(path), _number(mode), size, of_buffer(held, start, size))


def _number(data: Json) -> int:
    if type(data) is not int or data < 0:
        raise ArtifactError(f"{describe(data)} is no size or mode of a file")
    return data


def _content(data: Json, parts: PartReader | None) -> memoryview:
    if parts is None:
        raise ArtifactError("its bytes are not there")
    found = parts.element(_CONTENT, data)
    assert isinstance(found, memoryview)
    return found


def _start(node: Node) -> dict[str, Json]:
    """The first line or so, where it is text."""
    assert node.content is not None
    head = bytes(next(iter(node.content()), b"")[:_START])
    try:
        return {"head": head.decode()} if head else {}
    except UnicodeDecodeError as error:  # of a last letter only the first bytes may be there
        return {"head": head[: error.start].decode()} if error.start > _START - 4 else {}


_FILE = FileType(["file"], "File")
_DIRECTORY = DirectoryType(["directory"], "Directory")


def _match(annotation: Any) -> ValueType | None:
    if annotation is File:
        return _FILE
    return _DIRECTORY if annotation is Directory else None


def _load(spec: Spec) -> ValueType:
    return {"file": _FILE, "directory": _DIRECTORY, "content": _CONTENT}[spec[0]]


register(
    _match,
    {"file": _load, "directory": _load, "content": _load},
    (
        Row("sematic.File", "an instance; its bytes are a part", "json", "name, size, mode, start"),
        Row("sematic.Directory", "an instance; the bytes of its files are parts", "json", "name, files, size"),
    ),
)
