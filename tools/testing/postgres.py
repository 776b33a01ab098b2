"""A real PostgreSQL of a test's own."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from tools.testing.tools import program

_NOBODY = "65534"
_READY = b"database system is ready to accept connections"
_UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_GUARD = 'read _; until rm -rf "$0" 2>/dev/null && [ ! -e "$0" ]; do :; done'
OWNER = "tester"


class Postgres:
    """A server on a loopback port and a socket, as a context manager; nothing of it outlives who made it.

    `durable`: what it has committed survives a power cut. `password`: it asks for one. `settings` are lines of
    postgresql.conf. It will not run as root, so root's runs as somebody who is nobody.
    """

    def __init__(self, *settings: str, durable: bool = False, password: str | None = None) -> None:
        self.settings = ["shared_buffers=16MB", *settings, *(() if durable else _UNSAFE)]
        self.password = password
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Postgres:
        # Not below a test's own folder: that is for its owner alone, and a socket's path may not be long.
        self.folder = Path(tempfile.mkdtemp(prefix="sematic-postgres-", dir="/tmp"))
        guard = ["sh", "-c", _GUARD, str(self.folder)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        try:
            self._initialize()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._guard.communicate()

    def start(self) -> None:
        """Returns when it accepts connections."""
        command = _command("postgres", "-D", str(self._data))
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._keep(line)
            if _READY in line:
                self._drain = threading.Thread(target=self._keep_all, args=(self._process.stderr,), daemon=True)
                self._drain.start()
                return
        raise AssertionError(f"postgres ended with {self._process.wait()}: {self.log}")

    def stop(self) -> None:
        """Cuts its clients off; what is committed is kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._over()

    def kill(self) -> None:
        """All its processes, in the middle of whatever they do."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # It starts no more of them.
            pids = [*_children(self._process.pid), self._process.pid]
            with_handles = [os.pidfd_open(pid) for pid in pids]
            for handle in with_handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            self._over()
            for handle in with_handles:
                select.select([handle], [], [])
                os.close(handle)

    def restart(self) -> None:
        """On the same port, with what it holds."""
        self.stop()
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Of a database, for its owner."""
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://{OWNER}{secret}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What it said of itself."""
        return self._log.read_text(errors="replace")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _initialize(self) -> None:
        if os.geteuid() == 0:
            os.chown(self.folder, int(_NOBODY), int(_NOBODY))
        secret = self.folder / "password"
        secret.write_text(self.password or "unused")
        secret.chmod(0o644)
        way = "scram-sha-256" if self.password else "trust"
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", f"--auth={way}", f"--pwfile={secret}"]
        command = _command("initdb", "-D", str(self._data), f"--username={OWNER}", *options)
        subprocess.run(command, check=True, capture_output=True)
        own = [f"port={self.port}", f"unix_socket_directories='{self.folder}'", "listen_addresses='127.0.0.1'"]
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in [*own, *self.settings])

    def _over(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None
        self._drain.join()

    def _keep_all(self, said: IO[bytes]) -> None:
        with said:
            for line in said:
                self._keep(line)

    def _keep(self, line: bytes) -> None:
        with self._log.open("ab") as log:
            log.write(line)


def _command(name: str, *arguments: str) -> list[str]:
    """As nobody, where that is possible, and ended with the thread that starts it."""
    *view, path = program(name)
    nobody = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    return [*view, "setpriv", *nobody, "--pdeathsig=QUIT", path, *arguments]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
