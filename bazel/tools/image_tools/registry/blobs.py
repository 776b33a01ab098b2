"""Uploading one blob: mounted if it can be, resumed where it broke, begun anew where that is all a registry knows."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Callable, Iterator

from image_tools.registry.client import Call, Registry, problems, pull, push
from image_tools.registry.connection import PIECE
from image_tools.registry.content import Blob, Content, Readable
from image_tools.registry.errors import BadAnswer, BadContent, Place, Refused, RegistryError
from image_tools.registry.transport import Answer

AT_ONCE = 1 << 20
"""Up to this size a blob goes in one PUT: a request less, and little to send again."""

Report = Callable[[int], None]
"""Told how many bytes of the blob have been sent."""

_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")
_RESTARTS = 4
_LOST = (404, 416)
_NOT_THIS_WAY = (405, 411, 415, 501)


def has(registry: Registry, repository: str, blob: Blob) -> bool:
    """Whether the registry says that the blob is there, whole."""
    place = Place(registry.host, repository, f"blob {blob.digest}")
    path = f"/v2/{repository}/blobs/{blob.digest}"
    answer = registry.call(Call("HEAD", path, place, "looked for a blob", (push(repository),), (200, 404)))
    return answer.status == 200 and answer.header("Content-Length") in ("", str(blob.size))


class Upload:
    """One blob on its way into one repository."""

    def __init__(self, registry: Registry, repository: str, blob: Blob, report: Report) -> None:
        self._registry, self._repository, self._blob, self._report = registry, repository, blob, report
        self._place = Place(registry.host, repository, f"blob {blob.digest}")
        self._at_once = blob.size <= AT_ONCE
        self._url = ""  # Of the upload at the registry; empty while there is none.
        self._sent = 0  # What the registry has of it.
        self._finishing = False
        self._restarts = 0
        self._hash = hashlib.new(blob.digest.partition(":")[0])
        self._hashed = 0

    def mount(self, repository: str) -> bool:
        """Asks for the blob of another repository. An upload that the registry begins instead is used by `run`."""
        if self._url:
            return False
        query = urllib.parse.urlencode({"mount": self._blob.digest, "from": repository})
        try:
            return self._start(f"?{query}", (201, 202), (push(self._repository), pull(repository))) == 201
        except Refused:
            return False  # No rights to that repository, or no mounting here: then it is sent.

    def run(self) -> None:
        """Sends the blob; returns when the registry has said that it is there. Raises RegistryError."""
        if self._blob.content is None:
            raise BadContent(f"{self._place} is neither there nor here: push the image that it comes from once more")
        attempt, done = 0, False
        while not done:
            before = self._sent
            try:
                done = self._attempt()
            except RegistryError as error:
                if not error.transient:
                    raise
                self._registry.patience.before(attempt + 1, error, self._registry.transport.stop)
                done = self._ask_how_far(error)
                attempt = 0 if self._sent > before else attempt + 1

    def _attempt(self) -> bool:
        if not self._url:
            self._start("", (202,), (push(self._repository),))
        if not self._at_once and self._sent < self._blob.size:
            self._patch()
        return bool(self._url) and self._put()

    # Beginning, and beginning anew

    def _start(self, query: str, expect: tuple[int, ...], scopes: tuple[str, ...]) -> int:
        path = f"/v2/{self._repository}/blobs/uploads/{query}"
        answer = self._registry.call(Call("POST", path, self._place, "began to upload", scopes, expect))
        if answer.status == 202:
            self._follow(answer)
        return answer.status

    def _follow(self, answer: Answer) -> None:
        location = answer.header("Location") or self._url
        if not location:
            raise BadAnswer(f"{self._place}: the registry accepts an upload but does not say where to: no Location")
        self._url = self._registry.resolve(answer, location)

    def _forget(self, why: RegistryError | None = None) -> bool:
        """Begins anew, if not too often."""
        self._restarts += 1
        if self._restarts > _RESTARTS:
            raise why or BadAnswer(
                f"{self._place}: the registry lost the upload {_RESTARTS} times: check that its replicas "
                "share a storage"
            )
        self._url, self._sent, self._finishing = "", 0, False
        return False

    def _error(self, answer: Answer) -> RegistryError:
        return self._registry.error(self._place, (push(self._repository),), answer)

    # Going on

    def _ask_how_far(self, broken: RegistryError) -> bool:
        """After a break: True when all is there already. A small blob is sent again instead.

        docker-registry before version 3 drops an upload that it is asked about after a break: it is begun anew.
        """
        if self._at_once or not self._url:
            self._url = ""
            return False
        call = Call("GET", self._url, self._place, "asked how far an upload is", (push(self._repository),), (202, 204))
        try:
            answer = self._registry.call(call)
        except Refused as error:
            if error.transient:
                raise
            return self._is_finished() or self._forget(broken)
        self._follow(answer)
        self._sent = self._received(answer)
        return False

    def _is_finished(self) -> bool:
        """An upload is gone, too, when it was finished and only the answer got lost."""
        return self._finishing and has(self._registry, self._repository, self._blob)

    def _received(self, answer: Answer) -> int:
        """What the registry has. "0-0" stands for nothing: no registry tells of one byte otherwise."""
        match = _RANGE.fullmatch(answer.header("Range").strip())
        last = int(match[1]) if match else 0
        if last >= self._blob.size:
            raise BadAnswer(f"{self._place}: the registry says it has more of it than there is")
        return last + 1 if last else 0

    # Sending

    def _patch(self) -> None:
        start = self._sent
        headers = [("Content-Type", "application/octet-stream")]
        if start:
            headers.append(("Content-Range", f"{start}-{self._blob.size - 1}"))
        answer = self._send("PATCH", self._url, (202, *_LOST, *_NOT_THIS_WAY), headers, start)
        if answer.status in _NOT_THIS_WAY:
            self._at_once = True
        if answer.status == 202:
            self._follow(answer)
            self._sent = self._blob.size
        else:
            self._forget(self._error(answer))

    def _put(self) -> bool:
        """True when the registry has taken the blob."""
        self._finishing = True
        url = f"{self._url}{'&' if '?' in self._url else '?'}{urllib.parse.urlencode({'digest': self._blob.digest})}"
        headers = [("Content-Type", "application/octet-stream")]
        start = 0 if self._at_once else self._blob.size
        answer = self._send("PUT", url, (201, 204, 400, *_LOST, *_NOT_THIS_WAY), headers, start)
        if answer.status not in (201, 204):
            return self._not_taken(answer)
        told = answer.header("Docker-Content-Digest")
        if told and told != self._blob.digest:
            raise BadAnswer(f"{self._place}: the registry says that what it received is {told[:80]}: try again")
        return True

    def _not_taken(self, answer: Answer) -> bool:
        error = self._error(answer)
        if answer.status == 404 and self._is_finished():
            return True
        corrupt = any(code == "DIGEST_INVALID" for code, _, _ in problems(answer))
        if answer.status == 400 and not corrupt and not self._at_once:
            raise error
        if self._at_once and answer.status not in _LOST:
            self._at_once = False  # Perhaps it takes blobs by PATCH alone.
        return self._forget(error)

    def _send(
        self, method: str, url: str, expect: tuple[int, ...], headers: list[tuple[str, str]], start: int
    ) -> Answer:
        """Sends what is left from `start` on; nothing of it is repeated here, since only part of it may be wanted."""
        return self._registry.call(
            Call(
                method,
                url,
                self._place,
                "uploaded a blob",
                (push(self._repository),),
                expect,
                tuple(headers),
                (lambda: self._pieces(start)) if start < self._blob.size else None,
                self._blob.size - start,
                again=False,
            )
        )

    def _pieces(self, start: int) -> Iterator[bytes]:
        """The bytes from `start` on. The last of them is given away only when the digest is right."""
        assert self._blob.content is not None
        position = start
        file = self._opened(self._blob.content, start)
        try:
            while position < self._blob.size:
                piece = self._read(file, min(PIECE, self._blob.size - position))
                position += len(piece)
                self._verify(piece, position)
                yield piece
                self._report(position)
        finally:
            file.close()

    def _opened(self, content: Content, start: int) -> Readable:
        try:
            return content(start)
        except OSError as error:
            raise self._unreadable(error) from None

    def _read(self, file: Readable, size: int) -> bytes:
        try:
            piece = file.read(size)
        except OSError as error:
            raise self._unreadable(error) from None
        if not piece:
            raise BadContent(
                f"{self._place}: our own copy of it is shorter than {self._blob.size} bytes: build it again"
            )
        return piece

    def _unreadable(self, error: OSError) -> BadContent:
        return BadContent(f"{self._place}: our own copy cannot be read ({error.strerror}): build it again")

    def _verify(self, piece: bytes, end: int) -> None:
        """Hashes what was not hashed before: after a break some bytes pass here twice."""
        if end > self._hashed:
            self._hash.update(memoryview(piece)[len(piece) - (end - self._hashed) :])
            self._hashed = end
        if end == self._blob.size and self._hash.hexdigest() != self._blob.digest.partition(":")[2]:
            raise BadContent(f"{self._place}: our own copy of it has another digest: build it again")
