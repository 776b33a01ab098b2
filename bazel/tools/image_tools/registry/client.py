"""A registry's API: addresses, redirects, logging in when asked to, asking again, and its errors as ours."""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from image_tools.registry.auth import Authenticator
from image_tools.registry.connection import Request
from image_tools.registry.errors import BadAnswer, Place, RegistryError, refused
from image_tools.registry.patience import Patience, retry_after
from image_tools.registry.transport import Answer, Transport, host_of, origin

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
RETRIED = (408, 429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5
_RENEWALS = 3  # A token may run out between being given and being used.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Call:
    """A request to make of a registry. `expect`: the statuses that are an answer; any other is an error."""

    method: str
    url: str  # Or a path: the registry's own address is put before it.
    place: Place
    doing: str
    scopes: tuple[str, ...]
    expect: tuple[int, ...]
    headers: tuple[tuple[str, str], ...] = ()
    body: Callable[[], Iterable[bytes]] | None = None
    length: int = 0
    streamed: bool = False
    again: bool = True  # False: a failure that may pass is the caller's to deal with.


class Registry:
    """One registry, for any number of repositories and threads."""

    def __init__(self, host: str, transport: Transport, authenticator: Authenticator, patience: Patience) -> None:
        self.host = host
        self.transport = transport
        self.patience = patience
        self._authenticator = authenticator
        self._base = transport.security.base(host)
        self._greeting, self._greeted = threading.Lock(), False

    def call(self, call: Call) -> Answer:
        """Makes the call, as often as patience allows. Raises RegistryError."""
        attempt = 0
        while True:
            try:
                answer = self._authorized(call)
            except RegistryError as error:
                failure = error
            else:
                if answer.status in call.expect:
                    return answer
                failure = self.error(call.place, call.scopes, answer)
            if not call.again:
                raise failure
            attempt += 1
            self.patience.before(attempt, failure, self.transport.stop)

    def resolve(self, answer: Answer, location: str) -> str:
        """Where an answer's Location points. Behind a proxy some registries take themselves for plain HTTP."""
        url = urllib.parse.urljoin(answer.url, location)
        parts, here = urllib.parse.urlsplit(url), urllib.parse.urlsplit(self._base)
        if here.scheme == "https" and parts.scheme == "http" and parts.hostname == here.hostname:
            return urllib.parse.urlunsplit(here[:2] + parts[2:])
        if parts.scheme not in ("https", urllib.parse.urlsplit(answer.url).scheme) or not parts.hostname:
            raise BadAnswer(
                f"{self.host} sends us on to {host_of(url) or 'nowhere'} without TLS: refused; correct the registry's "
                "external address"
            )
        return url

    def error(self, place: Place, scopes: tuple[str, ...], answer: Answer) -> RegistryError:
        """What an unexpected answer means."""
        if origin(answer.url) != origin(self._base):
            place = replace(place, what=f"{place.what}, sent on to {host_of(answer.url)}".lstrip(", "))
        said = self._authenticator.scrub(" ".join(message for _, message, _ in problems(answer)))
        error = refused(place, answer.status, _UNPRINTABLE.sub(" ", said)[:200], self._authenticator.source(scopes))
        error.retry_after = retry_after(answer)
        return error

    def _authorized(self, call: Call) -> Answer:
        self._greet(call)
        header = self._authenticator.header(call.scopes)
        answer = self._followed(call, header)
        for _ in range(_RENEWALS):
            if answer.status != 401 or origin(answer.url) != origin(self._base):
                break
            refused_header, header = header, self._authenticator.renewed(answer, call.scopes, header)
            if header is None or header == refused_header:
                break
            self.transport.counts.add(requests=-1, authentication=1)
            answer = self._followed(call, header)
        return answer

    def _greet(self, call: Call) -> None:
        """Learns how to log in before anything large is sent in vain: once, and only if there is who to log in as."""
        with self._greeting:
            if self._greeted or not self._authenticator.source(call.scopes):
                return
            answer = self.transport.exchange(Request("GET", f"{self._base}/v2/", "asked how to log in"))
            self.transport.counts.add(requests=-1, authentication=1)
            self._authenticator.learn(answer)
            self._greeted = True

    def _followed(self, call: Call, header: str | None) -> Answer:
        url = urllib.parse.urljoin(self._base, call.url)
        for _ in range(_HOPS):
            answer = self.transport.exchange(self._request(call, url, header))
            location = answer.header("Location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            if answer.status not in (307, 308) and call.method not in ("GET", "HEAD"):
                return answer
            url = self.resolve(answer, location)
        raise BadAnswer(f"{call.place}: sent on more than {_HOPS} times: correct the registry or the proxy before it")

    def _request(self, call: Call, url: str, header: str | None) -> Request:
        """To another host than the registry goes no credential."""
        own = {"Authorization": header} if header and origin(url) == origin(self._base) else {}
        return Request(
            call.method, url, call.doing, {**dict(call.headers), **own}, call.body, call.length, call.streamed
        )


def problems(answer: Answer) -> list[tuple[str, str, Any]]:
    """Code, message and detail of each error that a registry lists in an answer."""
    try:
        listed = json.loads(answer.body)["errors"]
        return [(str(e.get("code", "")), str(e.get("message", "")), e.get("detail")) for e in listed]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def pull(repository: str) -> str:
    """The scope to read a repository."""
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    """The scope to read and write a repository."""
    return f"repository:{repository}:pull,push"
