"""One repository that is pushed to: what it holds, and the uploads under way; shared by the images that go there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import replace
from functools import partial
from typing import Any

from image_tools.registry import blobs
from image_tools.registry.client import Call, Registry, push
from image_tools.registry.content import Blob, from_registry
from image_tools.registry.errors import Place
from image_tools.registry.image import Image
from image_tools.registry.progress import Progress
from image_tools.registry.receipts import Receipt
from image_tools.registry.transport import Answer
from image_tools.registry.workers import Workers

Holders = Callable[[str, str], "list[str]"]
Connect = Callable[[str], Registry]


class Repository:
    """Thread-safe."""

    def __init__(
        self,
        host: str,
        name: str,
        connect: Connect,
        receipt: Receipt,
        holders: Holders,
        workers: Workers,
        progress: Progress,
    ) -> None:
        self.registry, self.name, self._connect = connect(host), name, connect
        self.uploaded: list[str] = []
        self.mounted: list[str] = []
        self._receipt, self._holders, self._workers, self._progress = receipt, holders, workers, progress
        self._uploads: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()

    @property
    def checks(self) -> bool:
        """Whether the registry is known to refuse a manifest whose blobs it lacks."""
        return self._receipt.checks

    def shown_to_check(self) -> None:
        """It has just done so."""
        self._receipt.checks = True

    def unknown(self, wanted: Iterable[Blob]) -> list[Blob]:
        """Those that may not be there."""
        with self._lock:
            return [blob for blob in wanted if not self._receipt.holds(blob.digest)]

    def found(self, there: Iterable[Blob]) -> None:
        """The registry has these."""
        with self._lock:
            self._receipt.add(blob.digest for blob in there)

    def settled(self) -> frozenset[str]:
        """The blobs that have been brought. Asked for before a request whose answer may be that they are missing."""
        with self._lock:
            return frozenset(digest for digest, future in self._uploads.items() if future.done())

    def missed(self, gone: Iterable[Blob], settled: frozenset[str]) -> None:
        """The registry lacks these. What another image brings meanwhile was not there yet, and need not come again."""
        with self._lock:
            stale = [blob.digest for blob in gone if blob.digest in settled or blob.digest not in self._uploads]
            self._receipt.remove(stale)
            for digest in stale:
                self._uploads.pop(digest, None)

    def save(self) -> None:
        """Keeps what was learnt."""
        with self._lock:
            self._receipt.save()

    def look(self, wanted: Sequence[Blob]) -> list[Blob]:
        """Asks for each: those that the registry says it lacks."""
        asked = [(blob, self._workers.submit(partial(blobs.has, self.registry, self.name, blob))) for blob in wanted]
        there = {blob.digest for blob, answer in asked if answer.result()}
        self.found(blob for blob in wanted if blob.digest in there)
        return [blob for blob in wanted if blob.digest not in there]

    def upload(self, wanted: Sequence[Blob], may_mount: bool = True) -> None:
        """Brings blobs there side by side, each once whoever asks. Raises what the first failure raised."""
        for future in as_completed([self._begun(blob, may_mount) for blob in wanted]):
            future.result()

    def put(self, image: Image, name: str) -> Answer:
        """Gives the registry a manifest, under a tag or its digest; also its refusal is an answer."""
        place = Place(self.registry.host, self.name, f"manifest {name}" if ":" in name else f"tag {name}")
        path = f"/v2/{self.name}/manifests/{name}"
        headers = (("Content-Type", image.media_type),)
        body = image.manifest
        expect = (200, 201, 202, 400, 404, 409, 412)
        call = Call(
            "PUT", path, place, "put a manifest", (push(self.name),), expect, headers, lambda: [body], len(body)
        )
        return self.registry.call(call)

    def _begun(self, blob: Blob, may_mount: bool) -> Future[Any]:
        with self._lock:
            if blob.digest not in self._uploads:
                self._progress.expect(self._key(blob), blob.size)
                self._uploads[blob.digest] = self._workers.submit(lambda: self._bring(blob, may_mount))
            return self._uploads[blob.digest]

    def _bring(self, blob: Blob, may_mount: bool) -> None:
        key = self._key(blob)
        blob = self._with_content(blob)
        upload = blobs.Upload(self.registry, self.name, blob, lambda sent: self._progress.at(key, sent))
        if may_mount and any(upload.mount(source) for source in self._sources(blob)):
            self.mounted.append(blob.digest)
            self._progress.finish(key, mounted=True)
        else:
            upload.run()
            self.uploaded.append(blob.digest)
            self._progress.finish(key)
        self.found([blob])

    def _with_content(self, blob: Blob) -> Blob:
        """A base's layer that is not at hand comes from where the base is."""
        if blob.content is not None or blob.origin is None:
            return blob
        source = self._connect(blob.origin.registry)
        return replace(blob, content=from_registry(source, blob.origin.repository, blob.digest))

    def _sources(self, blob: Blob) -> list[str]:
        """At most two repositories to mount from: each costs a request when it has not got it."""
        own = [blob.origin.repository] if blob.origin and blob.origin.registry == self.registry.host else []
        others = own + self._holders(self.registry.host, blob.digest)
        return list(dict.fromkeys(name for name in others if name != self.name))[:2]

    def _key(self, blob: Blob) -> str:
        return f"{self.name}@{blob.digest}"
