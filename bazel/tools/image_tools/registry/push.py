"""Pushes images, several side by side, each blob once; shows how far it is, and stops when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_tools.registry.connection import Counts
from image_tools.registry.delivery import Delivery
from image_tools.registry.errors import Cancelled, RegistryError
from image_tools.registry.image import Image
from image_tools.registry.progress import Progress, Snapshot
from image_tools.registry.receipts import Receipts
from image_tools.registry.reference import Reference
from image_tools.registry.repository import Repository
from image_tools.registry.session import Session
from image_tools.registry.workers import Workers

THREADS = 4
_TICK_SECONDS = 0.1
_GRACE_SECONDS = 3.0  # A thread may be looking up a name, which nothing interrupts; it is then left behind.


@dataclass(frozen=True)
class Target:
    """Where to: a repository, and the tags to set; without any the image is known by its digest alone."""

    image: Image
    repository: Reference
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """What a push came to. `references` are by digest, in the order of the targets."""

    references: tuple[Reference, ...]
    counts: Counts
    uploaded: tuple[str, ...]
    mounted: tuple[str, ...]


def push(
    targets: Sequence[Target],
    session: Session | None = None,
    receipts: Path | None = None,
    threads: int = THREADS,
    cancel: threading.Event | None = None,
    report: Callable[[Snapshot], None] | None = None,
) -> Pushed:
    """Pushes all of them, or raises RegistryError; then the tags of what was not finished are as they were.

    `receipts`: a folder for what registries are known to hold. `cancel`: set it to stop. `report`: called by the
    thread that called `push`, some ten times a second.
    """
    session = session or Session()
    return _Push(session, Receipts(receipts), threads).run(targets, cancel or threading.Event(), report)


class _Push:
    def __init__(self, session: Session, receipts: Receipts, threads: int) -> None:
        self._session, self._receipts = session, receipts
        self._workers = Workers(threads, "push")
        self._progress = Progress()
        self._repositories: dict[tuple[str, str], Repository] = {}

    def run(
        self, targets: Sequence[Target], cancel: threading.Event, report: Callable[[Snapshot], None] | None
    ) -> Pushed:
        images = Workers(len(targets), "image")
        try:
            futures = [images.submit(self._delivery(target).run) for target in targets]
            self._wait(futures, cancel, report)
        finally:
            self._session.end()
            images.close()
            self._workers.close()
            for repository in self._repositories.values():
                repository.save()
            self._session.close()
        return self._pushed(targets)

    def _wait(
        self, futures: list[Future[Any]], cancel: threading.Event, report: Callable[[Snapshot], None] | None
    ) -> None:
        """Returns when all are done. The first failure ends the others."""
        pending = set(futures)
        while pending:
            done, pending = wait(pending, _TICK_SECONDS, FIRST_EXCEPTION)
            failed = next((future for future in done if future.exception()), None)
            if failed is not None or cancel.is_set():
                self._end(pending)
                raise self._why(failed, cancel, futures)
            if report is not None:
                report(self._progress.snapshot())

    def _end(self, pending: set[Future[Any]]) -> None:
        self._session.end()
        wait(pending, _GRACE_SECONDS)

    @staticmethod
    def _why(failed: Future[Any] | None, cancel: threading.Event, futures: list[Future[Any]]) -> BaseException:
        failure = failed.exception() if failed else None
        if cancel.is_set() or failed is None or failure is None:
            return Cancelled()
        if isinstance(failure, RegistryError):
            failure.target = futures.index(failed)
        return failure

    def _delivery(self, target: Target) -> Delivery:
        return Delivery(self._repository(target.repository), target.image, target.tags)

    def _repository(self, reference: Reference) -> Repository:
        key = (reference.registry, reference.repository)
        if key not in self._repositories:
            self._repositories[key] = Repository(
                *key,
                self._session.registry,
                self._receipts.of(*key),
                self._receipts.holders,
                self._workers,
                self._progress,
            )
        return self._repositories[key]

    def _pushed(self, targets: Sequence[Target]) -> Pushed:
        repositories = self._repositories.values()
        return Pushed(
            tuple(target.repository.at(target.image.digest) for target in targets),
            self._session.counts,
            tuple(digest for repository in repositories for digest in repository.uploaded),
            tuple(digest for repository in repositories for digest in repository.mounted),
        )
