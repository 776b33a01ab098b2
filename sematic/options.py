"""A function's options, and those of one call: where and how often a body may run, and what it is called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypedDict

from sematic.errors import SettingsError
from sematic.resources import ResourceRequirements


@dataclass(frozen=True)
class RetrySettings:
    """Which exceptions of a function's own body are tried again, how often, and how long to wait in between.

    The wait before retry n (1, 2, …) is ``min(backoff * factor ** (n - 1), max_backoff)`` seconds, made up to
    `jitter` (a fraction) longer or shorter so that many runs do not retry at the same moment.

    Raises SettingsError for values that make no sense.
    """

    exceptions: tuple[type[BaseException], ...]
    retries: int
    backoff: float = 1.0
    factor: float = 2.0
    max_backoff: float = 60.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        exceptions = self.exceptions if isinstance(self.exceptions, Iterable) else (self.exceptions,)
        object.__setattr__(self, "exceptions", tuple(exceptions))
        for exception in self.exceptions:
            if not (isinstance(exception, type) and issubclass(exception, BaseException)):
                raise SettingsError(f"RetrySettings: exceptions must be exception classes, got {exception!r}")
        if not isinstance(self.retries, int) or isinstance(self.retries, bool) or self.retries < 0:
            raise SettingsError(f"RetrySettings: retries must be a whole number, 0 or more, got {self.retries!r}")
        if self.backoff < 0 or self.max_backoff < 0 or self.factor < 1 or not 0 <= self.jitter <= 1:
            raise SettingsError("RetrySettings: backoff and max_backoff must be ≥ 0, factor ≥ 1, jitter from 0 to 1")

    def matches(self, error: BaseException) -> bool:
        """Whether `error` is one to try again."""
        return isinstance(error, self.exceptions)

    def delay(self, retry: int, fraction: float) -> float:
        """Seconds to wait before retry number `retry`; `fraction`, from 0 to 1, places it within the jitter."""
        wait = min(self.backoff * self.factor ** min(retry - 1, 64), self.max_backoff)
        return wait * (1 + self.jitter * (2 * fraction - 1))

    def to_json(self) -> dict[str, Any]:
        names = [f"{c.__module__}:{c.__qualname__}" for c in self.exceptions]
        return {**self.__dict__, "exceptions": names}


INFRASTRUCTURE_RETRIES = 5
INFRASTRUCTURE_BACKOFF = RetrySettings((), INFRASTRUCTURE_RETRIES, backoff=0.5, max_backoff=30.0)


class CallOptions(TypedDict, total=False):
    """What `.set()` and `sematic.options()` take; see Options."""

    inline: bool
    resource_requirements: ResourceRequirements | None
    retry: RetrySettings | None
    timeout: float | None
    cache: bool
    base_image_tag: str | None
    name: str | None
    tags: Sequence[str]


@dataclass(frozen=True)
class Options:
    """Resolved options of one function or call. `timeout` is in seconds of one attempt's running time."""

    inline: bool = True
    resource_requirements: ResourceRequirements | None = None
    retry: RetrySettings | None = None
    timeout: float | None = None
    cache: bool = False
    base_image_tag: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, problem in _problems(self):
            raise SettingsError(f"option {name}: {problem}")

    def changed(self, **changes: Any) -> Options:
        """These options with `changes`; raises SettingsError naming the options there are."""
        unknown = sorted(set(changes) - set(OPTION_NAMES))
        if unknown:
            raise SettingsError(f"no option {', '.join(unknown)}; there are {', '.join(OPTION_NAMES)}")
        if "tags" in changes:
            if isinstance(changes["tags"], str):
                raise SettingsError(f"option tags: expected a list of texts, got the text {changes['tags']!r}")
            changes["tags"] = tuple(changes["tags"])
        return replace(self, **changes)

    @cached_property
    def json(self) -> str | None:
        """Canonical JSON text of what is not the default; None when all is."""
        data = {name: value for name in OPTION_NAMES if (value := getattr(self, name)) != getattr(DEFAULTS, name)}
        for name in ("resource_requirements", "retry"):
            if name in data:
                data[name] = data[name].to_json()
        return json.dumps(data, separators=(",", ":")) if data else None

    @classmethod
    def from_json(cls, text: str | None) -> Options:
        """Options as a ledger recorded them. `retry.exceptions` is empty: whether an error is retryable is decided
        where it is raised."""
        data: dict[str, Any] = json.loads(text) if text else {}
        if "retry" in data:
            data["retry"] = RetrySettings(**{**data["retry"], "exceptions": ()})
        if "resource_requirements" in data:
            data["resource_requirements"] = ResourceRequirements.from_json(data["resource_requirements"])
        if "tags" in data:
            data["tags"] = tuple(data["tags"])
        return cls(**data)


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "inline": (bool, "True or False"),
    "cache": (bool, "True or False"),
    "resource_requirements": ((ResourceRequirements, type(None)), "a ResourceRequirements"),
    "retry": ((RetrySettings, type(None)), "a RetrySettings, such as RetrySettings(exceptions=[OSError], retries=3)"),
    "base_image_tag": ((str, type(None)), "a text"),
    "name": ((str, type(None)), "a text"),
    "timeout": ((int, float, type(None)), "a number of seconds"),
}


def _problems(options: Options) -> Iterable[tuple[str, str]]:
    for name, (kind, expected) in _KINDS.items():
        if not isinstance(getattr(options, name), kind):
            yield name, f"expected {expected}, got {getattr(options, name)!r}"
    if isinstance(options.timeout, int | float) and not 0 < options.timeout < 1e9:
        yield "timeout", f"must be a number of seconds above 0, got {options.timeout!r}"
    if options.name == "":
        yield "name", "must not be empty"
    if not all(isinstance(tag, str) and tag for tag in options.tags):
        yield "tags", f"must be texts that are not empty, got {options.tags!r}"


OPTION_NAMES = tuple(Options.__dataclass_fields__)
DEFAULTS = Options()
