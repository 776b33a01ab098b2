"""An authority, and certificates that it signs; made by openssl, for one test run."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.testing.tools import program


@dataclass(frozen=True)
class Certificate:
    """What a server shows, and its key."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate, self.key)
        return made


def authority(folder: Path) -> Certificate:
    """One that nobody knows yet."""
    made = Certificate(folder / "ca.crt", folder / "ca.key")
    openssl(
        f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
        f"-keyout {made.key} -out {made.certificate}"
    )
    return made


def signed(folder: Path, by: Certificate, name: str, address: str = "IP:127.0.0.1,DNS:localhost") -> Certificate:
    """A server's, signed by that authority."""
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={address}\n")
    openssl(
        f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {made.key} -out {request}"
    )
    openssl(
        f"x509 -req -in {request} -CA {by.certificate} -CAkey {by.key} -CAcreateserial -days 2 "
        f"-extfile {extensions} -out {made.certificate}"
    )
    return made


def openssl(arguments: str) -> None:
    """Runs a command of openssl that has to succeed."""
    subprocess.run([*program("openssl"), *arguments.split()], check=True, capture_output=True)
