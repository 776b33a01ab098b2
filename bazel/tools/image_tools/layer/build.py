"""One layer from its entries: a blob, its digests, and a record of every path."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from concurrent.futures import Future
from typing import BinaryIO, NamedTuple

from image_tools.layer import entries, gzip_members, tar
from image_tools.layer.copying import Copier, compress_file
from image_tools.layer.disk import Source, open_file, read_whole, resolve, sizes
from image_tools.layer.entries import Entry
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.pipeline import Pipeline
from image_tools.layer.records import Metadata, Record
from image_tools.layer.sink import Sink
from image_tools.layer.tape import Tape
from image_tools.layer.wheel import Wheel

_MAGIC = 4
_EXECUTABLE = (b"#!", b"\x7fELF")
_TYPES = {"file": tar.FILE, "symlink": tar.SYMLINK, "hardlink": tar.HARD_LINK, "dir": tar.DIRECTORY}


class Label(NamedTuple):
    """How a layer is called, what kind of layer it is, and why it exists."""

    name: str
    role: str
    reason: str = ""


def build(
    listed: Iterable[Entry], out: BinaryIO, label: Label, wheel: Wheel | None = None, tags: tuple[str, ...] = ()
) -> tuple[Metadata, list[Record]]:
    """Writes the layer of these entries to `out`."""
    arranged = entries.arrange(resolve(listed))
    arranged = entries.spread(arranged, sizes(entry.source for entry in arranged if entries.is_library(entry)))
    writer = LayerWriter(out, label, wheel, tags)
    try:
        writer.folders(entries.folders(arranged))
        for entry in arranged:
            writer.add(entry)
        return writer.end(), writer.records
    finally:
        writer.close()


class LayerWriter:
    """Folders first, then what is in them, then the end; in this order and once each."""

    def __init__(self, out: BinaryIO, label: Label, wheel: Wheel | None = None, tags: tuple[str, ...] = ()) -> None:
        self._label, self._tags = label, tags
        self._sink = Sink(out)
        self._pipeline = Pipeline(self._sink)
        self._tape = Tape(self._pipeline)
        self._copier = Copier(self._pipeline, wheel)
        self._has_wheel = wheel is not None
        self.records: list[Record] = []
        self._summed: list[tuple[int, Future[int]]] = []  # Records whose CRC-32 a lane is finding out.
        self._padding = b""
        self._compressed = self._copied = 0
        self._zlib: str | None = None
        self._body = (0, 0)

    def folders(self, paths: Iterable[str]) -> None:
        """The layer's folders, parents first."""
        for path in paths:
            self._add_empty(path, "dir", 0o755)
        self._body = (self._position(), 0)
        self._tape.compress = not self._has_wheel

    def add(self, entry: Entry) -> None:
        """A file or a link."""
        if entry.kind == "file":
            self._add_file(entry)
        elif entry.kind == "text":
            self._add_text(entry)
        elif entry.kind == "empty":
            self._add_empty(entry.path, "file", entry.mode or 0o644)
        elif entry.kind == "symlink":
            self._add_empty(entry.path, "symlink", 0o777, entry.source)
        elif entry.kind == "hardlink":
            self._add_empty(entry.path, "hardlink", 0o644, entries.checked(entry.source))

    def splice(self, piece: Metadata, members: Iterable[tuple[bytes, list[bytes]]]) -> None:
        """The body of another layer: its members, and the tar bytes that they stand for."""
        self._flush()
        self._compressed += piece.compressed
        self._copied += piece.copied
        self._zlib = self._zlib or piece.zlib
        for ready, unpacked in members:
            self._pipeline.hash(unpacked)
            self._pipeline.emit(ready)

    def end(self, records: list[Record] | None = None) -> Metadata:
        """The end of the archive, and what the layer has become (of `records`, where it was spliced)."""
        records = self.records if records is None else records
        self._body = (self._body[0], self._position())
        self._tape.compress = False
        self._put(tar.END)
        size = self._position()
        self._copied += self._copier.copied
        self._compressed += self._copier.compressed
        if self._compressed or self._tape.has_compressed:
            self._zlib = self._zlib or gzip_members.deviating_zlib()
        return Metadata(
            **self._label._asdict(),
            digest=self._sink.digest,
            size=size,
            diff_id=self._pipeline.diff_id,
            entries=len(records),
            unpacked=sum(record.size for record in records),
            tar_size=self._pipeline.tar_size,
            body=self._body,
            copied=self._copied,
            compressed=self._compressed,
            zlib=self._zlib,
            tags=self._tags,
        )

    def close(self) -> None:
        """Stops the threads."""
        self._pipeline.close()

    def _add_file(self, entry: Entry) -> None:
        file = open_file(entry.source)
        try:
            done = self._add_at_once(entry, file)
        except BaseException:
            os.close(file)
            raise
        if done:
            os.close(file)
        else:
            self._add_source(entry, Source(entry.source, file))

    def _add_at_once(self, entry: Entry, file: int) -> bool:
        """Whether the file fitted into what is left of the tape's buffer; it is what it was at that moment."""
        before = len(self._padding) + tar.BLOCK
        room = self._tape.room(before)
        member = None if self._tape.compress else self._copier.member(entry.path)
        size = read_whole(file, room, member.size if member else 0)
        if not size:
            return False
        data = room[:size]
        mode = entry.mode or _mode(bytes(data[:_MAGIC]))
        head = self._padding + tar.header(entry.path, tar.FILE, size=size, mode=mode)
        if len(head) != before:  # A long name.
            return False
        self._tape.take(head, size)
        crc = zlib.crc32(data)
        self._record(entry.path, "file", mode, size, crc)
        if self._tape.compress:
            self._compressed += 1
        else:
            self._copier.glue(head)
            self._copier.content(member, crc, data)
        self._padding = tar.padding(size)
        return True

    def _add_source(self, entry: Entry, source: Source) -> None:
        large = source.size > CHUNK
        try:
            first = source.read(_MAGIC if large else source.size, 0)
            mode = entry.mode or _mode(first)
            self._head(entry.path, "file", mode, source.size)
        except BaseException:
            source.close(check=False)
            raise
        if large:
            self._add_large(entry.path, mode, source)
        else:
            source.close(check=False)
            self._add_small(entry.path, mode, first)
        self._padding = tar.padding(source.size)

    def _add_small(self, path: str, mode: int, data: bytes) -> None:
        crc = zlib.crc32(data)
        self._record(path, "file", mode, len(data), crc)
        if data:
            self._tape.put(data)
            if self._tape.compress:
                self._compressed += 1
            else:
                self._copier.content(self._copier.member(path), crc, data)

    def _add_large(self, path: str, mode: int, source: Source) -> None:
        self._flush()
        if self._tape.compress:
            self._compressed += 1
            summed = compress_file(self._pipeline, source)
        else:
            summed = self._pipeline.hash_file(source)
            self._copier.large(self._copier.member(path), summed, source)
        self._summed.append((len(self.records), summed))
        self._record(path, "file", mode, source.size, 0)

    def _add_text(self, entry: Entry) -> None:
        data = entry.source.encode("utf-8", "surrogateescape")
        mode = entry.mode or 0o644
        self._head(entry.path, "file", mode, len(data))
        self._put(data)
        self._padding = tar.padding(len(data))
        self._record(entry.path, "file", mode, len(data), zlib.crc32(data))

    def _add_empty(self, path: str, kind: str, mode: int, target: str = "") -> None:
        self._head(path, kind, mode, 0, target)
        self._record(path, kind, mode, 0, 0, target)

    def _head(self, path: str, kind: str, mode: int, size: int, target: str = "") -> None:
        self._put(tar.header(path, _TYPES[kind], size=size, mode=mode, target=target))

    def _record(self, path: str, kind: str, mode: int, size: int, crc: int, target: str = "") -> None:
        self.records.append(Record(path, kind, mode, size, crc, target, self._label.name))

    def _put(self, data: bytes) -> None:
        """What is no file's content, behind the padding of the content before it."""
        data, self._padding = self._padding + data, b""
        self._tape.put(data)
        if not self._tape.compress:
            self._copier.glue(data)

    def _flush(self) -> None:
        self._put(b"")
        self._tape.flush()
        self._copier.seal()

    def _position(self) -> int:
        """Where the blob ends once everything so far is written; a new member begins there."""
        self._flush()
        self._pipeline.drain()
        for number, summed in self._summed:
            self.records[number] = self.records[number]._replace(crc=summed.result())
        self._summed.clear()
        return self._sink.size


def _mode(first: bytes) -> int:
    """Bazel's outputs are all executable and a sandbox may lose modes: only the content is the same everywhere."""
    return 0o755 if first.startswith(_EXECUTABLE) else 0o644
