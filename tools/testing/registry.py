"""A real registry, docker-registry 2.8, of a test's own."""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.testing.certificates import authority, signed
from tools.testing.tools import program

_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>.*) HTTP/[0-9.]+" (?P<status>\d+) (?P<size>\d+)')
_LISTENING = re.compile(r"listening on (?P<host>127\.0\.0\.1:\d+)")
_IN_MEMORY = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'


@dataclass(frozen=True)
class Login:
    """What a registry asks for. `hashed` is the password as htpasswd -B would write it."""

    user: str
    password: str
    hashed: str

    @property
    def basic(self) -> str:
        """As an Authorization header and docker's config spell it."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


TESTER = Login("tester", "c4nary-of-the-real-one", "$2y$04$2pj7ngHn81a/8fQ5.4IAwupQT4UwBVtOQWSl1sMnzdeajd.hg8I/y")


@dataclass(frozen=True)
class Request:
    """One request that the registry has answered; `size` is of the answer."""

    method: str
    path: str
    status: int
    size: int


class Registry:
    """A docker-registry on a loopback port, as a context manager. Everything of it is below `folder`.

    `login`: it asks for a password. `secure`: it speaks TLS, `ca` is then its authority. `disk`: its storage is a
    disk of that size ("8m") that nothing else sees. `read_only`: it refuses to be written to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        login: Login | None = None,
        secure: bool = False,
        disk: str | None = None,
        read_only: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.storage = folder, folder / "storage"
        self.login, self.disk, self.read_only = login, disk, read_only
        self.server = signed(folder, authority(folder), "server") if secure else None
        self.ca = folder / "ca.crt" if secure else None
        self.host = "127.0.0.1:0"  # The port is the system's choice, and kept from then on.
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Registry:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it listens."""
        self.storage.mkdir(exist_ok=True)
        config = self.folder / "config.json"
        config.write_text(json.dumps(self._config()))  # JSON is YAML too.
        with self._access.open("a") as access:
            self._process = subprocess.Popen(
                [*self._in_memory(), *program("docker-registry"), "serve", str(config)],
                stdout=access,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._await(self._process)

    def stop(self) -> None:
        """Ends it at once; uploads that are under way break. What it holds stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._drain.join()
            self._process = None

    def restart(self) -> None:
        """On the same port, with what it holds."""
        self.stop()
        self.start()

    def requests(self) -> list[Request]:
        """All that it has answered, in order. An answer of more than 2 KB may be read before it is here."""
        found = (_ACCESS.search(line) for line in self._access.read_text().splitlines())
        return [
            Request(match["method"], match["path"], int(match["status"]), int(match["size"]))
            for match in found
            if match is not None
        ]

    def reference(self, repository: str, name: str) -> str:
        """Of an image in here; `name` is a tag or a digest."""
        return f"{self.host}/{repository}{'@' if ':' in name else ':'}{name}"

    def get(self, path: str, accept: str = "*/*") -> bytes:
        """The body of an answer that has to be 200, with nothing of a client that is tested."""
        status, body = self.ask("GET", path, accept)
        assert status == 200, f"{path}: {status} {body!r}"
        return body

    def ask(self, method: str, path: str, accept: str = "*/*") -> tuple[int, bytes]:
        """Status and body of an answer."""
        connection = self._connection()
        connection.request(method, path, headers={"Accept": accept, **self._authorization()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    @property
    def log(self) -> str:
        """What it said of itself."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self.folder / "registry.log"

    @property
    def _access(self) -> Path:
        return self.folder / "access.log"

    def _connection(self) -> http.client.HTTPConnection:
        if self.ca is None:
            return http.client.HTTPConnection(self.host, timeout=60)
        return http.client.HTTPSConnection(
            self.host, timeout=60, context=ssl.create_default_context(cafile=str(self.ca))
        )

    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Basic {self.login.basic}"} if self.login else {}

    def _in_memory(self) -> list[str]:
        if self.disk is None:
            return []
        return ["unshare", "--mount", "sh", "-c", _IN_MEMORY, "sh", self.disk, str(self.storage)]

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "maintenance": {"readonly": {"enabled": self.read_only}},
            },
            "http": {"addr": self.host, "secret": "of one server alone"},
        }
        if self.server is not None:
            config["http"]["tls"] = {"certificate": str(self.server.certificate), "key": str(self.server.key)}
        if self.login is not None:
            (self.folder / "htpasswd").write_text(f"{self.login.user}:{self.login.hashed}\n")
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}}
        return config

    def _await(self, process: subprocess.Popen[str]) -> None:
        """It says so when it listens; a thread keeps what it says later."""
        assert process.stderr is not None
        log = self._log.open("a")
        for line in process.stderr:
            log.write(line)
            if listening := _LISTENING.search(line):
                self.host = listening["host"]
                self._drain = threading.Thread(target=self._keep, args=(process.stderr, log), daemon=True)
                self._drain.start()
                return
        log.close()
        raise AssertionError(f"docker-registry ended with {process.wait()}: {self.log}")

    @staticmethod
    def _keep(said: Any, log: Any) -> None:
        with said, log:
            for line in said:
                log.write(line)
