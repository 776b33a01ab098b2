"""One image on its way to one repository.

A registry that is given a manifest names every blob of it that it lacks. Not all do, and some say of a blob that it is
there when it is not; so what is missing is found out step by step, each step asked only when the one before failed:
what the receipts say, what the registry names, what it answers to each blob's HEAD, and then everything is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from image_tools.registry.client import Call, problems, push
from image_tools.registry.content import Blob
from image_tools.registry.errors import BadAnswer, Place, RegistryError
from image_tools.registry.image import Image
from image_tools.registry.repository import Repository
from image_tools.registry.transport import Answer

_CHEAP_BLOBS, _CHEAP_BYTES = 3, 256 << 10  # Up to so much is sent rather than asked about.
_ROUNDS = 4
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_FINAL_CODES = ("NAME_UNKNOWN", "NAME_INVALID", "DENIED", "UNAUTHORIZED", "TAG_INVALID", "TOOMANYREQUESTS")
_BLOB_CODES = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")


class Delivery:
    """Of `image` to `repository`, under `tags`, or without any by its digest alone."""

    def __init__(self, repository: Repository, image: Image, tags: Sequence[str] = ()) -> None:
        self._repository, self._image, self._tags = repository, image, tags
        self._blobs = [blob for blob in dict.fromkeys(image.blobs) if not blob.foreign]
        self._put_by_digest = False
        self._settled: frozenset[str] = frozenset()

    def run(self) -> None:
        """Returns when the registry has taken the image. Raises RegistryError; then no tag names it."""
        for child in self._image.images:
            Delivery(self._repository, child).run()
        self._bring_unknown()
        if not self._tags and not self._put_by_digest:
            self._put(self._image.digest)
        for tag in self._tags:
            self._put(tag)

    # The blobs

    def _bring_unknown(self) -> None:
        unknown = self._repository.unknown(self._blobs)
        if unknown and not self._is_cheap(unknown):
            unknown = self._probe(unknown)
        self._repository.upload(unknown)

    def _is_cheap(self, unknown: Sequence[Blob]) -> bool:
        size = sum(blob.size for blob in unknown)
        return self._repository.checks and len(unknown) <= _CHEAP_BLOBS and size <= _CHEAP_BYTES

    def _probe(self, unknown: Sequence[Blob]) -> list[Blob]:
        """What is missing, by the answer to the manifest. Under its digest alone: no tag ever names half an image."""
        answer = self._offer(self._image.digest)
        if answer.status < 300:
            return self._after_acceptance(unknown)
        missing = self._missing(answer)
        if missing is None and self._is_final(answer):
            raise self._error(answer, self._image.digest)
        if not missing:
            return self._repository.look(unknown)
        self._learn(missing)
        return missing

    def _after_acceptance(self, unknown: Sequence[Blob]) -> list[Blob]:
        """All is there, or this registry takes manifests without a look."""
        missing = [] if self._repository.checks else self._repository.look(unknown)
        self._put_by_digest = not missing
        self._repository.found(blob for blob in self._blobs if blob not in missing)
        return missing

    # The manifest

    def _offer(self, name: str) -> Answer:
        self._settled = self._repository.settled()
        return self._repository.put(self._image, name)

    def _put(self, name: str) -> None:
        refused: set[str] = set()
        for round_ in range(_ROUNDS):
            answer = self._offer(name)
            if answer.status < 300:
                return self._accepted(answer)
            missing = self._missing(answer)
            if missing is None:
                missing = self._suspected(answer, round_)
                if missing is None and self._is_there(name):
                    return None
            if missing is None or round_ == _ROUNDS - 1:
                raise self._error(answer, name)
            self._bring(missing, refused, round_)
        return None

    def _suspected(self, answer: Answer, round_: int) -> list[Blob] | None:
        """Some registries have other words for a missing blob: believed if one is."""
        if round_ > 0 or self._is_final(answer):
            return None
        return self._repository.look(self._blobs) or None

    @staticmethod
    def _is_final(answer: Answer) -> bool:
        """Whether the refusal cannot be about blobs."""
        return answer.status not in (400, 404) or any(code in _FINAL_CODES for code, _, _ in problems(answer))

    def _bring(self, missing: list[Blob], refused: set[str], round_: int) -> None:
        """Uploads what a refused manifest lacks. Where it does not say, each blob is looked for, then all are sent."""
        if missing:
            self._learn(missing)
        else:
            missing = self._repository.look(self._blobs) if round_ == 0 else self._blobs
            self._repository.missed(missing, self._settled)
        again = [blob.digest for blob in missing if blob.digest in refused]
        if again and round_ > 1:
            raise BadAnswer(
                f"{self._place(again[0])}: the registry took it, and then says that it is not there: check that all "
                "its replicas share one storage, and that nothing deletes from it"
            )
        refused.update(blob.digest for blob in missing)
        self._repository.upload(missing, may_mount=round_ == 0)

    def _accepted(self, answer: Answer) -> None:
        told = answer.header("Docker-Content-Digest")
        if told and told != self._image.digest:
            raise BadAnswer(
                f"{self._place(self._image.digest)}: the registry keeps it under another digest, {told[:80]}: "
                "something on the way changed the manifest"
            )
        self._repository.found(self._blobs)

    def _is_there(self, name: str) -> bool:
        """A registry whose tags do not change refuses one that it has, even for the same image."""
        path = f"/v2/{self._repository.name}/manifests/{name}"
        accept = (("Accept", self._image.media_type),)
        scopes = (push(self._repository.name),)
        call = Call("HEAD", path, self._place(name), "looked for a manifest", scopes, (200, 400, 404), accept)
        answer = self._repository.registry.call(call)
        return answer.status == 200 and answer.header("Docker-Content-Digest") == self._image.digest

    def _missing(self, answer: Answer) -> list[Blob] | None:
        """The blobs that a refusal names: none if it does not say which; None if it is about something else."""
        about = [problem for problem in problems(answer) if problem[0] in _BLOB_CODES]
        if not about:
            return None
        named = set(_DIGEST.findall(json.dumps(about)))
        return [blob for blob in self._blobs if blob.digest in named]

    def _learn(self, missing: list[Blob]) -> None:
        """A registry that names what it lacks has all the rest."""
        self._repository.shown_to_check()
        self._repository.missed(missing, self._settled)
        self._repository.found(blob for blob in self._blobs if blob not in missing)

    def _error(self, answer: Answer, name: str) -> RegistryError:
        scopes = (push(self._repository.name),)
        return self._repository.registry.error(self._place(name), scopes, answer)

    def _place(self, name: str) -> Place:
        return Place(self._repository.registry.host, self._repository.name, name)
