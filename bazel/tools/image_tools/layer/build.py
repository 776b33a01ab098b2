"""One layer from its entries: a blob, its digests, and a record of every path."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from image_tools.layer import entries, gzip_members, tar
from image_tools.layer.disk import Source, resolve
from image_tools.layer.entries import Entry
from image_tools.layer.errors import ChangedWhileRead
from image_tools.layer.gzip_members import CHUNK
from image_tools.layer.pipeline import Crc, Part, Pipeline
from image_tools.layer.records import Metadata, Record
from image_tools.layer.sink import Sink
from image_tools.layer.wheel import Stream, Wheel

_GLUE = 32 * tar.BLOCK
_EXECUTABLE = (b"#!", b"\x7fELF")
_TYPES = {"file": tar.FILE, "symlink": tar.SYMLINK, "hardlink": tar.HARD_LINK, "dir": tar.DIRECTORY}


@dataclass(frozen=True)
class Label:
    """How a layer is called, what kind of layer it is, and why it exists."""

    name: str
    role: str
    reason: str = ""


def build(
    listed: Iterable[Entry], out: BinaryIO, label: Label, wheel: Wheel | None = None, tags: tuple[str, ...] = ()
) -> tuple[Metadata, list[Record]]:
    """Writes the layer of these entries to `out`."""
    arranged = entries.arrange(resolve(listed))
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
        self._label, self._wheel, self._tags = label, wheel, tags
        self._sink = Sink(out)
        self._pipeline = Pipeline(self._sink)
        self.records: list[Record] = []
        self._tar: list[bytes] = []  # The batch that is being gathered: its tar bytes,
        self._jobs: list[bytes | _Content] = []  # the members to be made of them,
        self._glue = bytearray()  # and the headers and padding that are no member yet.
        self._gathered = 0
        self._contents = self._copied = 0
        self._zlib: str | None = None
        self._body = (0, 0)

    def folders(self, paths: Iterable[str]) -> None:
        """The layer's folders, parents first."""
        for path in paths:
            self._head(Record(path, "dir", 0o755))
        self._body = (self._position(), 0)

    def add(self, entry: Entry) -> None:
        """A file or a link."""
        if entry.kind == "file":
            self._add_file(entry)
        elif entry.kind == "empty":
            self._head(Record(entry.path, "file", entry.mode or 0o644))
        elif entry.kind == "text":
            self._add_text(entry)
        elif entry.kind != "dir":
            target = entries.checked(entry.source) if entry.kind == "hardlink" else entry.source
            self._head(Record(entry.path, entry.kind, 0o777 if entry.kind == "symlink" else 0o644, target=target))

    def splice(self, piece: Metadata, members: Iterable[tuple[bytes, list[bytes]]]) -> None:
        """The body of another layer: its members, and the tar bytes that they stand for."""
        self._flush()
        self._contents += piece.copied + piece.compressed
        self._copied += piece.copied
        self._zlib = self._zlib or piece.zlib
        for ready, unpacked in members:
            self._pipeline.put(unpacked, partial(_ready, ready))

    def end(self, records: list[Record] | None = None) -> Metadata:
        """The end of the archive, and what the layer has become (of `records`, where it was spliced)."""
        records = self.records if records is None else records
        self._body = (self._body[0], self._position())
        self._gather_glue(tar.END)
        size = self._position()
        if self._contents > self._copied:
            self._zlib = self._zlib or gzip_members.deviating_zlib()
        return Metadata(
            **vars(self._label),
            digest=self._sink.digest,
            size=size,
            diff_id=self._pipeline.diff_id,
            entries=len(records),
            unpacked=sum(record.size for record in records),
            tar_size=self._pipeline.tar_size,
            body=self._body,
            copied=self._copied,
            compressed=self._contents - self._copied,
            zlib=self._zlib,
            tags=self._tags,
        )

    def close(self) -> None:
        """Stops the threads."""
        self._pipeline.close()

    def _add_file(self, entry: Entry) -> None:
        source = Source(entry.source)
        try:
            first = source.read(min(source.size, CHUNK), 0)
            record = Record(entry.path, "file", entry.mode or _mode(first), source.size)
            self._head(record)
            if source.size <= CHUNK:
                self._add_small(record, first)
            else:
                self._add_large(record, source)
            if padding := tar.padding(source.size):
                self._gather_glue(padding)
        except BaseException:
            source.close(check=False)
            raise
        source.close()

    def _add_text(self, entry: Entry) -> None:
        """By our own encoder: a few lines that no wheel holds must not make a digest depend on zlib."""
        data = entry.source.encode("utf-8", "surrogateescape")
        self._head(Record(entry.path, "file", entry.mode or 0o644, len(data), zlib.crc32(data)))
        self._gather_glue(data + tar.padding(len(data)))

    def _head(self, record: Record) -> None:
        record.origin = self._label.name
        self.records.append(record)
        kind = _TYPES[record.kind]
        self._gather_glue(tar.header(record.path, kind, size=record.size, mode=record.mode, target=record.target))

    def _add_small(self, record: Record, data: bytes) -> None:
        if data:
            self._seal()
            self._contents += 1
            self._jobs.append(_Content(record, data, self._find(record)))
            self._gather(data)

    def _add_large(self, record: Record, source: Source) -> None:
        """A file in chunks: each is a member unless the wheel has the stream of the whole."""
        self._flush()
        self._contents += 1
        crc, stream = Crc(), self._find(record)
        for chunk in source.chunks(CHUNK):
            self._pipeline.put([chunk], partial(_nothing if stream else _compress, chunk), crc)
        self._pipeline.put([], lambda: [partial(self._conclude, record, source.path, crc, stream)])

    def _conclude(self, record: Record, source: str, crc: Crc, stream: Stream | None) -> Iterator[bytes]:
        """What remains to be written when a large file was read; the writing lane comes here."""
        record.crc = crc.result()
        if stream and stream.crc == record.crc:
            yield from self._copy(stream)
        elif stream:
            yield from _compress_again(source, record.crc)

    def _find(self, record: Record) -> Stream | None:
        return self._wheel.find(record.path, record.size) if self._wheel else None

    def _copy(self, stream: Stream) -> Iterator[bytes]:
        assert self._wheel
        self._copied += 1  # Only the writing lane comes here.
        yield gzip_members.HEAD
        yield from self._wheel.read(stream, CHUNK)
        yield gzip_members.tail(stream.crc, stream.size)

    def _gather_glue(self, data: bytes) -> None:
        self._glue += data
        self._gather(data)
        if len(self._glue) >= _GLUE:
            self._seal()

    def _gather(self, data: bytes) -> None:
        self._tar.append(data)
        self._gathered += len(data)
        if self._gathered >= CHUNK:
            self._flush()

    def _seal(self) -> None:
        """Makes a member of the headers and padding so far."""
        if self._glue:
            self._jobs.append(gzip_members.glue(bytes(self._glue)))
            self._glue.clear()

    def _flush(self) -> None:
        """Hands the batch over."""
        self._seal()
        if self._tar:
            self._pipeline.put(self._tar, partial(self._make, self._jobs))
        self._tar, self._jobs, self._gathered = [], [], 0

    def _position(self) -> int:
        """Where the blob ends once everything so far is written; a new member begins there."""
        self._flush()
        self._pipeline.drain()
        return self._sink.size

    def _make(self, jobs: "list[bytes | _Content]") -> list[Part]:
        return [job if isinstance(job, bytes) else job.make(self._copy) for job in jobs]


@dataclass(frozen=True, slots=True)
class _Content:
    """A file of at most a chunk."""

    record: Record
    data: bytes
    stream: Stream | None

    def make(self, copy: Callable[[Stream], Iterator[bytes]]) -> Part:
        """Its member; a wheel's stream only when it is the stream of these bytes."""
        crc = self.record.crc = zlib.crc32(self.data)
        if self.stream and self.stream.crc == crc:
            return partial(copy, self.stream)
        return gzip_members.content(self.data, crc)


def _nothing(chunk: bytes) -> list[Part]:
    return []


def _ready(members: bytes) -> list[Part]:
    return [members]


def _compress(chunk: bytes) -> list[Part]:
    return [gzip_members.content(chunk)]


def _compress_again(path: str, expected: int) -> Iterator[bytes]:
    """The wheel has a file of this name and size, but other bytes: somebody patched what was installed."""
    source, crc = Source(path), Crc()
    for chunk in source.chunks(CHUNK):
        crc.add([chunk])
        yield gzip_members.content(chunk)
    source.close()
    if crc.result() != expected:
        raise ChangedWhileRead(path)


def _mode(first: bytes) -> int:
    """Bazel's outputs are all executable and a sandbox may lose modes: only the content is the same everywhere."""
    return 0o755 if first.startswith(_EXECUTABLE) else 0o644
