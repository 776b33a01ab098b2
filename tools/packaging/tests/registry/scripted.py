"""A registry on this machine that behaves, except where a test has told it not to; it counts what it receives."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([^/]*)")
BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:.+)")
MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Act = Callable[["Handler", Seen], None]


@dataclass
class Fault:
    """What happens instead, to the next `times` requests whose "METHOD path" the pattern is found in."""

    pattern: str
    act: Act
    times: int = 1
    skip: int = 0


@dataclass
class Login:
    """`kind` basic or bearer. A token is good for `uses` requests."""

    kind: str
    username: str = "tester"
    password: str = ""
    uses: int = 1 << 30
    realm: str = ""
    anonymous: bool = False
    identity: str = ""
    tokens: dict[str, int] = field(default_factory=dict)


class Registry:
    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.log: list[Seen] = []
        self.received = 0
        self.faults: list[Fault] = []
        self.login: Login | None = None
        self.checks = True
        self.names_missing = True
        self.uploads_at = ""  # Another host to send uploads to.
        self.released = threading.Event()
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.registry = self  # type: ignore[attr-defined]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http{'s' if context else ''}://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def fault(self, pattern: str, act: Act, times: int = 1, skip: int = 0) -> None:
        self.faults.append(Fault(pattern, act, times, skip))

    def take_fault(self, seen: Seen) -> Act | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, str(seen)):
                    if fault.skip:
                        fault.skip -= 1
                        return None
                    fault.times -= 1
                    return fault.act
        return None

    def asked(self, pattern: str = "") -> list[str]:
        """Requests, without those for tokens."""
        return [str(seen) for seen in self.log if re.search(pattern, str(seen)) and seen.path != "/token"]

    def tags(self) -> list[str]:
        return [name for _, name in self.manifests if ":" not in name]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def registry(self) -> Registry:
        return self.server.registry  # type: ignore[attr-defined,no-any-return]

    def setup(self) -> None:
        super().setup()
        self.rfile = _Counted(self.rfile, self.registry)  # type: ignore[assignment]

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, ValueError):  # The client is gone.
            super().handle()

    def do(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        seen = Seen(self.command, parts.path, dict(urllib.parse.parse_qsl(parts.query)), dict(self.headers))
        self.registry.log.append(seen)
        self.left = int(self.headers.get("Content-Length", 0))
        act = self.registry.take_fault(seen)
        if act is not None:
            return act(self, seen)
        return self.behave(seen)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do

    # What a registry does

    def behave(self, seen: Seen) -> None:
        seen.body = self.take()
        if seen.path == "/token":
            return self.token(seen)
        if not self.allowed(seen):
            return None
        for pattern, answer in ((UPLOAD, self.upload), (BLOB, self.blob), (MANIFEST, self.manifest)):
            match = pattern.fullmatch(seen.path)
            if match:
                return answer(seen, *match.groups())
        return self.say(200 if seen.path == "/v2/" else 404)

    def upload(self, seen: Seen, repository: str, key: str) -> None:
        registry = self.registry
        if seen.method == "POST":
            source = (seen.query.get("from", ""), seen.query.get("mount", ""))
            if source in registry.blobs:
                registry.blobs[repository, source[1]] = registry.blobs[source]
                return self.say(201)
            key = f"u{len(registry.log)}"
            registry.uploads[key] = bytearray()
            return self.progress(202, repository, key)
        if key not in registry.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown")
        if seen.method == "GET":
            return self.progress(204, repository, key)
        start = seen.headers.get("Content-Range", "").partition("-")[0]
        if start and int(start) != len(registry.uploads[key]):
            return self.error(416, "RANGE_INVALID", "invalid content range")
        registry.uploads[key] += seen.body
        if seen.method == "PATCH":
            return self.progress(202, repository, key)
        data, digest = bytes(registry.uploads[key]), seen.query["digest"]
        if digest != f"sha256:{hashlib.sha256(data).hexdigest()}":
            return self.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        del registry.uploads[key]
        registry.blobs[repository, digest] = data
        return self.say(201, headers={"Docker-Content-Digest": digest})

    def progress(self, status: int, repository: str, key: str) -> None:
        size = len(self.registry.uploads[key])
        location = f"{self.registry.uploads_at}/v2/{repository}/blobs/uploads/{key}?_state=signed-{key}"
        self.say(status, headers={"Location": location, "Range": f"0-{max(0, size - 1)}"})

    def blob(self, seen: Seen, repository: str, digest: str) -> None:
        data = self.registry.blobs.get((repository, digest))
        if data is None:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        start = int(seen.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        return self.say(206 if start else 200, data[start:])

    def manifest(self, seen: Seen, repository: str, name: str) -> None:
        registry, digest = self.registry, f"sha256:{hashlib.sha256(seen.body).hexdigest()}"
        if seen.method != "PUT":
            data = registry.manifests.get((repository, name))
            found = {"Docker-Content-Digest": f"sha256:{hashlib.sha256(data).hexdigest()}"} if data else {}
            return self.say(200 if data else 404, data or b"", found)
        document = json.loads(seen.body)
        entries = [document.get("config"), *document.get("layers", [])]
        missing = [
            entry["digest"] for entry in entries if entry and (repository, entry["digest"]) not in registry.blobs
        ]
        if registry.checks and missing:
            return self.missing(missing)
        registry.manifests[repository, name] = registry.manifests[repository, digest] = seen.body
        return self.say(201, headers={"Docker-Content-Digest": digest})

    def missing(self, digests: list[str]) -> None:
        named = digests if self.registry.names_missing else [""]
        errors = [
            {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry", "detail": {"digest": digest}}
            for digest in named
        ]
        self.say(400, json.dumps({"errors": errors}).encode())

    # Logging in

    def allowed(self, seen: Seen) -> bool:
        login = self.registry.login
        if login is None:
            return True
        given = seen.headers.get("Authorization", "")
        if login.kind == "basic":
            if given == basic(login.username, login.password):
                return True
            self.unauthorized('Basic realm="a registry"')
            return False
        token = given.removeprefix("Bearer ")
        if login.tokens.get(token, 0) > 0:
            login.tokens[token] -= 1
            return True
        realm = login.realm or f"{self.registry.url}/token"
        self.unauthorized(f'Bearer realm="{realm}",service="registry.test",scope="repository:x:pull"')
        return False

    def token(self, seen: Seen) -> None:
        login = self.registry.login
        assert login is not None
        form = dict(urllib.parse.parse_qsl(seen.body.decode()))
        known = seen.headers.get("Authorization") == basic(login.username, login.password)
        identified = bool(login.identity) and form.get("refresh_token") == login.identity
        if not (known or identified or (login.anonymous and "Authorization" not in seen.headers)):
            return self.unauthorized('Basic realm="tokens"')
        token = f"{login.password}-token-{len(self.registry.log)}"
        login.tokens[token] = login.uses
        return self.say(200, json.dumps({"token": token, "expires_in": 300}).encode())

    def unauthorized(self, challenge: str) -> None:
        errors = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        self.say(401, json.dumps(errors).encode(), {"WWW-Authenticate": challenge})

    # Saying and hearing

    def take(self, most: int = 1 << 40) -> bytes:
        data = self.rfile.read(min(self.left, most))
        self.left -= len(data)
        return data

    def error(self, status: int, code: str, message: str) -> None:
        self.say(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())

    def say(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, promised: int = 0) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()


class _Counted:
    def __init__(self, file: object, registry: Registry) -> None:
        self._file, self._registry = file, registry

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def read(self, size: int) -> bytes:
        return self._count(self._file.read(size))  # type: ignore[attr-defined]

    def readline(self, limit: int = -1) -> bytes:
        return self._count(self._file.readline(limit))  # type: ignore[attr-defined]

    def _count(self, data: bytes) -> bytes:
        with self._registry.lock:
            self._registry.received += len(data)
        return data


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


# What a registry may do instead


def answer(status: int, message: str = "", headers: dict[str, str] | None = None, code: str = "DENIED") -> Act:
    def act(handler: Handler, seen: Seen) -> None:
        seen.body = handler.take()
        handler.say(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers)

    return act


def answer_at_once(status: int) -> Act:
    """Without hearing the body out, as proxies do."""

    def act(handler: Handler, seen: Seen) -> None:
        handler.say(status, b"")
        handler.hang_up()

    return act


def hang_up_after(received: int, forget: bool = False) -> Act:
    """Takes so many bytes of an upload, keeps or forgets them, and closes the connection."""

    def act(handler: Handler, seen: Seen) -> None:
        key = seen.path.rpartition("/")[2]
        handler.registry.uploads[key] += handler.take(received)
        if forget:
            del handler.registry.uploads[key]
        handler.hang_up()

    return act


def do_and_hang_up(handler: Handler, seen: Seen) -> None:
    """Does as asked, but the answer is lost."""
    handler.say = lambda *args, **kwargs: None  # type: ignore[method-assign]
    handler.behave(seen)
    handler.hang_up()


def hang_up(handler: Handler, seen: Seen) -> None:
    handler.hang_up()


def truncated(status: int, body: bytes, promised: int) -> Act:
    """Says less than it promised, and closes."""

    def act(handler: Handler, seen: Seen) -> None:
        handler.take()
        handler.say(status, body, promised=promised)
        handler.hang_up()

    return act


def say(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Act:
    def act(handler: Handler, seen: Seen) -> None:
        handler.take()
        handler.say(status, body, headers)

    return act


def hang(reached: threading.Event) -> Act:
    """Says nothing until the test is over."""

    def act(handler: Handler, seen: Seen) -> None:
        reached.set()
        handler.registry.released.wait()
        handler.hang_up()

    return act
