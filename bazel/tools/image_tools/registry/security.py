"""How a connection to a registry is made: TLS with which authorities, or none."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from image_tools.registry.errors import CertificateRefused
from image_tools.registry.reference import DOCKER_HUB

CHOICES = ("http", "unverified")
_SYSTEM = ("/etc/docker/certs.d", "/etc/containers/certs.d")
_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True)
class Security:
    """`insecure`: "http" for plain HTTP, "unverified" for TLS with any certificate. `ca`: an authority's certificate,
    beside the system's; without it, those in certs.d folders named after the registry are taken."""

    insecure: str = ""
    ca: Path | None = None

    def base(self, registry: str) -> str:
        """The address at which a registry's API begins."""
        scheme = "http" if self.insecure == "http" else "https"
        return f"{scheme}://{_HUB_HOST if registry == DOCKER_HUB else registry}"

    def context(self, address: str) -> ssl.SSLContext:
        """The TLS settings for a host, named with its port where that is not 443."""
        context = ssl.create_default_context()
        if self.insecure == "unverified":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for authority in [self.ca] if self.ca else _files(address, "*.crt"):
            _load(context, authority)
        for certificate in _files(address, "*.cert"):
            _load_client(context, certificate)
        return context


def _files(address: str, pattern: str) -> Iterable[Path]:
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers/certs.d"
    for folder in (*map(Path, _SYSTEM), own):
        yield from sorted((folder / address).glob(pattern))


def _load(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError):
        raise CertificateRefused(
            f"{authority} cannot be read as a PEM certificate: correct the file, or name another as `ca` (--ca)"
        ) from None


def _load_client(context: ssl.SSLContext, certificate: Path) -> None:
    try:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    except (OSError, ssl.SSLError):
        raise CertificateRefused(f"{certificate} and its .key cannot be read as a PEM certificate and key") from None
