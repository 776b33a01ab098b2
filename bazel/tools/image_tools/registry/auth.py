"""Authorization headers: what a registry's challenge asks for, made from what is known of us.

A credential goes to the registry it is for and to the token service that this registry names, never elsewhere.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from image_tools.registry.connection import Request
from image_tools.registry.credentials import Credentials
from image_tools.registry.errors import BadAnswer, NoRights, Place, RegistryError, refused
from image_tools.registry.transport import Answer, Transport, host_of

_CLIENT = "sematic"
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|$|,)\s*")
_PARAMETER = re.compile(r'\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)')
_DEFAULT_SECONDS = 60  # Of a token whose answer does not say, by the token service's specification.


@dataclass(frozen=True)
class Challenge:
    """One entry of a WWW-Authenticate header."""

    scheme: str
    parameters: dict[str, str]


@dataclass
class _Token:
    value: str = field(repr=False)
    until: float


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """Reads WWW-Authenticate headers; what is no challenge is passed over."""
    found: list[Challenge] = []
    for header in headers:
        position = 0
        while match := _SCHEME.match(header, position):
            scheme, position, parameters = match[1].lower(), match.end(), {}
            while parameter := _PARAMETER.match(header, position):
                parameters[parameter[1].lower()] = _unquoted(parameter[2])
                position = parameter.end()
            found.append(Challenge(scheme, parameters))
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


class Authenticator:
    """For one registry. Tokens are kept per set of scopes, and asked for by one thread at a time."""

    def __init__(
        self,
        registry: str,
        transport: Transport,
        find: Callable[[str], Credentials | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self._transport = transport
        self._find = find
        self._clock = clock
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._found: dict[str, Credentials | None] = {}
        self._secrets: set[str] = set()
        self._lock = threading.RLock()

    def header(self, scopes: tuple[str, ...]) -> str | None:
        """The header to send; None while nothing was asked for. `scopes`: what the request needs rights to."""
        with self._lock:
            return self._header(scopes) if self._challenge else None

    def learn(self, answer: Answer) -> None:
        """Keeps the challenge of a 401. Bearer before basic: who offers both was made for the first."""
        listed = challenges(answer.headers.get_all("WWW-Authenticate") or []) if answer.status == 401 else []
        offered = {challenge.scheme: challenge for challenge in listed}
        with self._lock:
            self._challenge = offered.get("bearer") or offered.get("basic") or self._challenge

    def renewed(self, answer: Answer, scopes: tuple[str, ...], refused_header: str | None) -> str | None:
        """The header to send after a 401, or None when there is nothing better than what was refused."""
        with self._lock:
            self.learn(answer)
            token = self._tokens.get(scopes)
            if token is not None and f"Bearer {token.value}" == refused_header:
                del self._tokens[scopes]
            header = self._header(scopes) if self._challenge else None
            return None if header == refused_header else header

    def source(self, scopes: tuple[str, ...]) -> str:
        """Where the credentials came from, for errors."""
        found = self._credentials(scopes)
        return found.source if found else ""

    def scrub(self, text: str) -> str:
        """`text` with every credential struck out: a registry's words may repeat what it was sent."""
        with self._lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
        for secret in secrets:
            for form in (secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)):
                text = text.replace(form, "***")
        return text

    def _header(self, scopes: tuple[str, ...]) -> str | None:
        assert self._challenge is not None
        found = self._credentials(scopes)
        if self._challenge.scheme == "basic":
            return found.basic() if found and found.username else None
        if found and found.registry_token:
            return f"Bearer {found.registry_token}"
        token = self._tokens.get(scopes)
        if token is None or token.until <= self._clock():
            token = self._tokens[scopes] = self._ask(self._challenge, scopes, found)
        return f"Bearer {token.value}"

    def _credentials(self, scopes: tuple[str, ...]) -> Credentials | None:
        repository = scopes[0].split(":")[1] if scopes else ""
        with self._lock:
            if repository not in self._found:
                found = self._found[repository] = self._find(repository)
                self._secrets.update(found.secrets() if found else ())
            return self._found[repository]

    def _ask(self, challenge: Challenge, scopes: tuple[str, ...], found: Credentials | None) -> _Token:
        request = self._token_request(challenge, scopes, found)
        answer = self._transport.exchange(request)
        self._transport.counts.add(requests=-1, authentication=1)
        if answer.status != 200:
            raise self._token_refused(answer, request, found)
        return self._read(answer, request)

    def _token_request(self, challenge: Challenge, scopes: tuple[str, ...], found: Credentials | None) -> Request:
        realm, service = challenge.parameters.get("realm", ""), challenge.parameters.get("service", "")
        self._check_realm(realm)
        asked = [("service", service), *(("scope", scope) for scope in scopes)]
        doing = f"asked for a token for {self.registry}"
        if found and found.identity_token:
            return _exchange_identity(realm, service, scopes, found, doing)
        query = urllib.parse.urlencode([*asked, ("client_id", _CLIENT)] if found else asked)
        joined = f"{realm}{'&' if '?' in realm else '?'}{query}"
        return Request("GET", joined, doing, {"Authorization": found.basic()} if found else {})

    def _check_realm(self, realm: str) -> None:
        scheme = urllib.parse.urlsplit(realm).scheme
        if scheme not in ("http", "https"):
            raise BadAnswer(f"{self.registry} asks for a token, but its challenge names no service to get one from")
        if scheme == "http" and self._transport.security.insecure != "http":
            raise BadAnswer(
                f"{self.registry} names {host_of(realm)} as its token service, over plain HTTP: no credential is sent "
                'there; correct the registry\'s realm, or say insecure = "http" (--insecure http)'
            )

    def _token_refused(self, answer: Answer, request: Request, found: Credentials | None) -> RegistryError:
        place = Place(self.registry, what=f"token service {host_of(request.url)}")
        if answer.status in (400, 401, 403) and found:
            return NoRights(str(refused(place, 401, "", found.source)), answer.status)
        return refused(place, answer.status, "", found.source if found else "")

    def _read(self, answer: Answer, request: Request) -> _Token:
        told = _object(answer.body)
        value = told.get("token") or told.get("access_token")
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise BadAnswer(f"{host_of(request.url)}, the token service of {self.registry}, answered without a token")
        self._secrets.add(value)
        seconds = told.get("expires_in")
        seconds = seconds if isinstance(seconds, (int, float)) and seconds > 0 else _DEFAULT_SECONDS
        return _Token(value, self._clock() + 0.9 * seconds)


def _exchange_identity(realm: str, service: str, scopes: tuple[str, ...], found: Credentials, doing: str) -> Request:
    form = {
        "grant_type": "refresh_token",
        "service": service,
        "scope": " ".join(scopes),
        "client_id": _CLIENT,
        "refresh_token": found.identity_token,
    }
    body = urllib.parse.urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", realm, doing, headers, lambda: [body], len(body))


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
