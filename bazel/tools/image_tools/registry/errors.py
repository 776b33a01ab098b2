"""What can go wrong, a sentence each: what happened, where, and what to do about it.

RegistryError
    BadReference            not a name of an image
    BadCredentials          a config file or a credential helper does not say what it should
    BadContent              our own bytes: missing, or other than their digest says
    BadImage                an image layout that is not one
    Cancelled
    Broken                  a connection; what was asked may or may not have happened
        Unreachable         no connection to begin with
            CertificateRefused
    Refused                 an answer that says no
        NoRights            401, 403
        NotFound            404
        TooLarge            413
        TooManyRequests     429
        Failed              5xx
    BadAnswer               an answer that makes no sense
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass


class RegistryError(Exception):
    """Base of all. Its text is one sentence and never holds a credential."""

    transient = False  # Whether the same request may well succeed a moment later.
    retry_after: float | None = None  # The seconds that the registry asks to wait.
    target: int | None = None  # Which of a push's targets it ended, where it is one's own.


class BadReference(RegistryError):
    """A text that names no image."""


class BadCredentials(RegistryError):
    """A config file or a credential helper that does not say what it should."""


class BadContent(RegistryError):
    """Bytes of ours that are missing, or are not those that their digest names."""


class BadImage(RegistryError):
    """A folder that is no OCI image layout, or not one that can be pushed."""


class Cancelled(RegistryError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("the push was cancelled before the registry had confirmed it")


class Broken(RegistryError):
    """A connection broke: what was asked may or may not have happened."""

    transient = True


class Unreachable(Broken):
    """There is no connection to begin with."""


class CertificateRefused(Unreachable):
    """The registry's certificate is not one that we trust."""

    transient = False


class Refused(RegistryError):
    """The registry answered, and said no."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class NoRights(Refused):
    """401 and 403."""


class NotFound(Refused):
    """404."""


class TooLarge(Refused):
    """413."""


class TooManyRequests(Refused):
    """429."""

    transient = True


class Failed(Refused):
    """5xx, and 408."""

    transient = True


class BadAnswer(RegistryError):
    """An answer that makes no sense: cut off, not what was asked for, or at odds with an earlier one."""


@dataclass(frozen=True)
class Place:
    """Where it happened."""

    registry: str
    repository: str = ""
    what: str = ""  # "blob sha256:…", "tag v1"

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}" if self.repository else self.registry
        return f"{name} ({self.what})" if self.what else name


def refused(place: Place, status: int, said: str, logged_in: str) -> RegistryError:
    """The error for an answer that was not expected. `said`: the registry's own words, if any."""
    quoted = f', saying "{said}"' if said else ""
    if status in (401, 403):
        return NoRights(_no_rights(place, status, quoted, logged_in), status)
    if status == 404:
        return NotFound(f"{place} is not found (404{quoted}): create the repository, or correct its name", 404)
    if status == 413:
        return TooLarge(
            f"{place} is too large for {place.registry} or a proxy in front of it (413{quoted}): raise the proxy's "
            "limit (nginx: client_max_body_size), or name the registry by an address that avoids the proxy",
            413,
        )
    if status == 429:
        return TooManyRequests(f"{place}: the registry allows no more requests for now (429{quoted}): try later", 429)
    if status >= 500 or status == 408:
        return Failed(f"{place}: the registry failed ({status}{quoted}): look at its log, or try later", status)
    return Refused(f"{place}: the registry refused ({status}{quoted})", status)


def _no_rights(place: Place, status: int, quoted: str, logged_in: str) -> str:
    who = f"with the credentials of {logged_in}" if logged_in else "without credentials, as none were found for it"
    return (
        f"{place}: no rights, asked {who} ({status}{quoted}): log in with `docker login {place.registry}` as somebody "
        "who may do this"
    )


def unreachable(address: str, error: Exception) -> Broken:
    """The error for a connection that could not be made."""
    if isinstance(error, ssl.SSLError):
        return _no_tls(address, error)
    if isinstance(error, socket.gaierror):
        why = Unreachable(f"{address}: no such host is known ({_reason(error)}): check the registry's name")
        why.transient = error.errno == socket.EAI_AGAIN
        return why
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"{address} refuses connections: check that the registry runs there, and its port")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{address} does not answer: check the network, the registry's name and its port")
    return Unreachable(f"{address} cannot be reached ({_reason(error)}): check the network and the registry's name")


def _no_tls(address: str, error: ssl.SSLError) -> Broken:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRefused(
            f"{address} has a certificate that is not trusted here ({error.verify_message}): name the certificate of "
            "its authority as `ca` (--ca), or put it into /etc/docker/certs.d/<host>/ca.crt"
        )
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"):
        return CertificateRefused(
            f'{address} does not speak TLS: if it is meant to be plain HTTP, say insecure = "http" (--insecure http)'
        )
    return Unreachable(f"{address}: TLS failed ({_reason(error)}): check the registry's name and port")


def broken(address: str, doing: str, error: Exception) -> Broken:
    """The error for a connection that was there and then was not."""
    if isinstance(error, TimeoutError):
        return Broken(f"{address} stopped answering while we {doing}: check the network and the registry, try again")
    return Broken(f"the connection to {address} broke while we {doing} ({_reason(error)}): try again")


def _reason(error: Exception) -> str:
    """The kind of an error, and the system's words for it; never what a library adds of our own data."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
