"""Who we are to a registry, from where docker and podman keep it.

The first of these files that knows the registry decides: $REGISTRY_AUTH_FILE; $DOCKER_CONFIG/config.json; podman's
own, $XDG_RUNTIME_DIR/containers/auth.json and ~/.config/containers/auth.json; ~/.docker/config.json. In a file a
credHelpers entry comes before an auths entry, and that before credsStore.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_tools.registry.errors import BadCredentials
from image_tools.registry.reference import DOCKER_HUB

if TYPE_CHECKING:
    import subprocess

HUB_SERVER = "https://index.docker.io/v1/"
_HUB_HOSTS = ("index.docker.io", "registry-1.docker.io", "docker.io")
_HELPER_SECONDS = 60
_IDENTITY_USER = "<token>"
_NOT_FOUND = ("credentials not found", "no credentials server url", "item could not be found")


@dataclass(frozen=True)
class Credentials:
    """What a registry knows us by. Never shown: only where it came from is."""

    source: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def secrets(self) -> list[str]:
        """Every form that must not be shown."""
        plain = [self.password, self.identity_token, self.registry_token]
        return [secret for secret in [*plain, self.basic().removeprefix("Basic ")] if secret]


def find(registry: str, repository: str, environment: Mapping[str, str] | None = None) -> Credentials | None:
    """The credentials for a repository, or None: then it is asked as anybody. Raises BadCredentials."""
    environment = os.environ if environment is None else environment
    for path in _files(environment):
        found = _in_file(path, registry, repository, environment)
        if found is not None:
            return found
    return None


def _files(environment: Mapping[str, str]) -> Iterable[Path]:
    home = Path(environment.get("HOME") or Path.home())
    if environment.get("REGISTRY_AUTH_FILE"):
        yield Path(environment["REGISTRY_AUTH_FILE"])
    if environment.get("DOCKER_CONFIG"):
        yield Path(environment["DOCKER_CONFIG"]) / "config.json"
    if environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"]) / "containers/auth.json"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers/auth.json"
    if not environment.get("DOCKER_CONFIG"):
        yield home / ".docker/config.json"


def _in_file(path: Path, registry: str, repository: str, environment: Mapping[str, str]) -> Credentials | None:
    config = _read(path)
    names = _names(registry, repository)
    helper = _entry(config, "credHelpers", names, path)
    if helper:
        return _ask(helper[1], registry, path, environment)
    entry = _entry(config, "auths", names, path)
    found = _from_entry(entry[1], f"{path}, {entry[0]}") if entry else None
    if found is None and isinstance(config.get("credsStore"), str) and config["credsStore"]:
        return _ask(config["credsStore"], registry, path, environment)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadCredentials(f"{path} cannot be read ({error.strerror}): correct its owner or mode") from None
    except ValueError:
        raise BadCredentials(f"{path} is not JSON: correct it, or move it away and log in again") from None
    if not isinstance(config, dict):
        raise BadCredentials(f"{path} is not a JSON object: correct it, or move it away and log in again")
    return config


def _names(registry: str, repository: str) -> list[str]:
    """What an entry may be called: the repository's path from its whole to nothing, as podman has it."""
    hosts = _HUB_HOSTS if registry == DOCKER_HUB else (registry,)
    parts = repository.split("/") if repository else []
    paths = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return [f"{host}/{path}" for path in paths for host in hosts] + list(hosts)


def _entry(config: dict[str, Any], section: str, names: list[str], path: Path) -> tuple[str, Any] | None:
    """The most specific entry of a section."""
    entries = config.get(section) or {}
    if not isinstance(entries, dict):
        raise BadCredentials(f"{path}: {section!r} is not a JSON object: correct it, or log in again")
    called = {_called(key): (key, value) for key, value in reversed(list(entries.items())) if value}
    return next((called[name] for name in names if name in called), None)


def _called(key: str) -> str:
    """Docker's keys may be addresses, of which only the host counts; podman's may have a path."""
    scheme, separator, rest = key.partition("://")
    return rest.split("/")[0] if separator else scheme.rstrip("/")


def _from_entry(entry: Any, source: str) -> Credentials | None:
    if not isinstance(entry, dict):
        raise BadCredentials(f"{source}: not a JSON object: log in again")
    username, password = _decoded(entry.get("auth"), source)
    found = Credentials(
        source,
        username or str(entry.get("username") or ""),
        password or str(entry.get("password") or ""),
        str(entry.get("identitytoken") or ""),
        str(entry.get("registrytoken") or ""),
    )
    return found if found.username or found.identity_token or found.registry_token else None


def _decoded(auth: Any, source: str) -> tuple[str, str]:
    if not auth:
        return "", ""
    try:
        username, colon, password = base64.b64decode(str(auth), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):  # ValueError quotes what it could not decode: leave it out.
        raise BadCredentials(f'{source}: its "auth" is not base64 of user:password: log in again') from None
    if not colon:
        raise BadCredentials(f'{source}: its "auth" is not base64 of user:password: log in again')
    return username, password.rstrip("\0")


def _ask(helper: Any, registry: str, path: Path, environment: Mapping[str, str]) -> Credentials | None:
    """A credential helper's answer."""
    program = f"docker-credential-{helper}"
    if not isinstance(helper, str) or "/" in helper:
        raise BadCredentials(f"{path} names a credential helper that is not a plain name: correct it")
    server = HUB_SERVER if registry == DOCKER_HUB else registry
    ran = _run(program, server, path, environment)
    if ran.returncode != 0:
        _check_refusal(program, ran, server)
        return None
    return _answer(program, ran.stdout, path)


def _run(program: str, server: str, path: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    import subprocess  # Here: few have a helper, and each run of a program waits for our imports.

    try:
        return subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            env=dict(environment),
            check=False,
        )
    except (FileNotFoundError, PermissionError):
        raise BadCredentials(f"{path} names {program}, which is not on PATH: install it, or log in again") from None
    except subprocess.TimeoutExpired:
        raise BadCredentials(f"{program} did not answer in {_HELPER_SECONDS} s: try `{program} get` yourself") from None


def _check_refusal(program: str, ran: subprocess.CompletedProcess[bytes], server: str) -> None:
    """Returns when the helper has none for this server. Its words are shown, unless they may be an answer."""
    said = ran.stdout.strip().decode(errors="replace")  # There the protocol has the error; stderr may hold anything.
    if any(words in said.lower() for words in _NOT_FOUND):
        return
    shown = said.splitlines()[0][:200] if said and "{" not in said else f"exit code {ran.returncode}"
    raise BadCredentials(f"{program} has no credentials for {server} ({shown}): log in again, or correct the helper")


def _answer(program: str, output: bytes, path: Path) -> Credentials:
    try:
        told = json.loads(output)
        username, secret = str(told["Username"]), str(told["Secret"])
    except (ValueError, KeyError, TypeError):
        raise BadCredentials(f"{program}, named by {path}, answered with something that is no credential") from None
    source = f"{program} ({path})"
    if username == _IDENTITY_USER:
        return Credentials(source, identity_token=secret)
    return Credentials(source, username, secret)
