"""A real registry, docker-registry 2.8: with passwords, with TLS, through connections that break."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from image_tools.registry.credentials import Credentials
from image_tools.registry.errors import NoRights
from image_tools.registry.image import Image, digest_of
from image_tools.registry.push import Target, push
from image_tools.registry.reference import Reference
from image_tools.registry.security import Security
from tools.packaging.tests.registry.certificates import authority, signed
from tools.packaging.tests.registry.layouts import save
from tools.packaging.tests.registry.pushing import LARGE, Pusher, data, image

USER, PASSWORD = "tester", "c4nary-of-the-real-one"
LAYERS = [data(number) for number in range(61)]


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not on PATH: install the Debian package {package}"
    return found


class Real:
    """A docker-registry of the test's own; its files are below `folder`."""

    def __init__(self, folder: Path, secure: bool) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self.ca: Path | None = None
        tls = self._tls() if secure else ""
        (folder / "htpasswd").write_text(self._hashed())
        (folder / "config.yml").write_text(
            f"version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {folder}/store}}}}\n"
            f"http: {{addr: '{self.host}'{tls}}}\nauth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n"
        )
        command = [program("docker-registry", "docker-registry"), "serve", str(folder / "config.yml")]
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._await()

    def _tls(self) -> str:
        ours = authority(self.folder)
        server = signed(self.folder, ours, "server")
        self.ca = ours.certificate
        return f", tls: {{certificate: '{server.certificate}', key: '{server.key}'}}"

    def _hashed(self) -> str:
        command = [program("htpasswd", "apache2-utils"), "-Bbn", USER, PASSWORD]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _await(self) -> None:
        """It says so when it listens; what it says later is kept for a failing test to show."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.write(line)
            if "listening on" in line:
                break
        else:
            raise AssertionError(f"docker-registry ended with {self.process.wait()}: {Path(self.log.name).read_text()}")
        self._drain = threading.Thread(target=self._keep, daemon=True)
        self._drain.start()

    def _keep(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.write(line)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._drain.join()
        self.log.close()

    def security(self) -> Security:
        return Security(ca=self.ca) if self.ca else Security("http")

    def get(self, path: str, accept: str = "*/*") -> bytes:
        """With nothing of the client that is tested."""
        host, _, port = self.host.partition(":")
        connection: http.client.HTTPConnection
        if self.ca:
            context = ssl.create_default_context(cafile=str(self.ca))
            connection = http.client.HTTPSConnection(host, int(port), context=context)
        else:
            connection = http.client.HTTPConnection(host, int(port))
        key = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        connection.request("GET", path, headers={"Authorization": f"Basic {key}", "Accept": accept})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body
        return body

    def holds(self, pushed: Image, name: str, repository: str = "team/app") -> None:
        assert self.get(f"/v2/{repository}/manifests/{name}", pushed.media_type) == pushed.manifest
        for blob in pushed.blobs:
            assert blob.content is not None
            kept = self.get(f"/v2/{repository}/blobs/{blob.digest}")
            assert kept == blob.content(0).read(blob.size)


@pytest.fixture(params=["http", "tls"])
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Real]:
    (tmp_path / "real").mkdir()
    made = Real(tmp_path / "real", request.param == "tls")
    yield made
    made.close()


@pytest.fixture
def own(real: Real, pusher: Pusher) -> Pusher:
    pusher.security = real.security()
    pusher.credentials[real.host] = Credentials("a file", USER, PASSWORD)
    return pusher


def aim(real: Real, pushed: Image, repository: str = "team/app") -> list[Target]:
    return [Target(pushed, Reference(real.host, repository), ("v1",))]


def test_life_of_an_image(real: Real, own: Pusher) -> None:
    pushed = image(*LAYERS, data(100, LARGE), b"print(1)\n")
    first = push(aim(real, pushed), own.session(), own.receipts)
    real.holds(pushed, "v1")
    assert first.counts.requests == 1 + 2 * 63 + 3 + 1
    unchanged = push(aim(real, pushed), own.session(), own.receipts)
    assert (unchanged.counts.requests, unchanged.uploaded) == (1, ())
    edited = image(*LAYERS, data(100, LARGE), b"print(2)\n")
    edit = push(aim(real, edited), own.session(), own.receipts)
    real.holds(edited, "v1")
    assert edit.counts.requests == 5
    assert edit.counts.sent < 32_000
    moved = push(aim(real, edited, "team/second"), own.session(), own.receipts)
    real.holds(edited, "v1", "team/second")
    assert moved.uploaded == ()
    assert len(moved.mounted) == 64


def test_blob_that_vanished(real: Real, own: Pusher) -> None:
    pushed = image(*LAYERS[:3])
    push(aim(real, pushed), own.session(), own.receipts)
    for link in (real.folder / "store").rglob(f"_layers/sha256/{digest_of(LAYERS[1])[7:]}/link"):
        link.unlink()
    again = push(aim(real, pushed), own.session(), own.receipts)
    assert again.uploaded == (digest_of(LAYERS[1]),)
    real.holds(pushed, "v1")


def test_wrong_password(real: Real, own: Pusher) -> None:
    own.credentials[real.host] = Credentials("a file", USER, "wrong")
    with pytest.raises(NoRights, match="credentials of a file"):
        push(aim(real, image(data(1))), own.session())


class Breaking:
    """A way to a registry that ends each connection after so many bytes, so many times."""

    def __init__(self, host: str, after: int, times: int) -> None:
        name, _, port = host.partition(":")
        self.target, self.after, self.times = (name, int(port)), after, times
        self.broke = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.server.accept()
                there = socket.create_connection(self.target)
                threading.Thread(target=self._pass_on, args=(client, there), daemon=True).start()
                threading.Thread(target=self._pass_back, args=(there, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, there: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while piece := client.recv(1 << 16):
                there.sendall(piece)
                passed += len(piece)
                if passed > self.after and self.broke < self.times:
                    self.broke += 1
                    break
        for end in (client, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_back(self, there: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := there.recv(1 << 16):
                client.sendall(piece)


def test_connections_that_break_inside_a_blob(real: Real, own: Pusher) -> None:
    size = 20 << 20
    pushed = image(data(200, size))
    way = Breaking(real.host, 5 << 20, 3)
    own.credentials[way.host] = own.credentials[real.host]
    push([Target(pushed, Reference(way.host, "team/app"), ("v1",))], own.session(), own.receipts)
    way.server.close()
    real.holds(pushed, "v1")  # Version 2.8 cannot go on inside a blob: it came there by beginning anew.
    assert way.broke == 3


def test_skopeo_reads_it(real: Real, own: Pusher, tmp_path: Path) -> None:
    """Where there is skopeo: what it pulls is what was pushed."""
    skopeo = shutil.which("skopeo")
    pushed = image(*LAYERS[:3])
    push(aim(real, pushed), own.session(), own.receipts)
    if skopeo is not None:
        key = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {real.host: {"auth": key}}}))
        command = [
            skopeo,
            "copy",
            "--insecure-policy",
            "--src-tls-verify=false",
            "--authfile",
            str(tmp_path / "auth.json"),
        ]
        subprocess.run([*command, f"docker://{real.host}/team/app:v1", f"dir:{tmp_path}/back"], check=True)
        for blob in pushed.blobs:
            assert digest_of((tmp_path / "back" / blob.digest[7:]).read_bytes()) == blob.digest
    real.holds(pushed, "v1")
    assert save(tmp_path / "layout", pushed).is_dir()
