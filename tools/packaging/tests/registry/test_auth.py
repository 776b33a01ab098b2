"""Logging in, and that nobody ever sees how."""

from __future__ import annotations

import base64
import json
import os
import stat
import traceback
from pathlib import Path

import pytest

from image_tools.registry import __main__ as cli
from image_tools.registry import credentials
from image_tools.registry.auth import Challenge, challenges
from image_tools.registry.credentials import Credentials
from image_tools.registry.errors import BadAnswer, BadCredentials, NoRights, RegistryError
from tools.packaging.tests.registry.pushing import LARGE, Pusher, data, holds, image
from tools.packaging.tests.registry.scripted import (
    Handler,
    Login,
    Registry,
    Seen,
    answer,
    basic,
    hang_up_after,
    say,
    truncated,
)

CANARY = "c4nary/secret+1"
IMAGE = image(data(1, LARGE), data(2))


@pytest.fixture(params=["basic", "bearer"])
def guarded(request: pytest.FixtureRequest, registry: Registry, pusher: Pusher) -> Registry:
    registry.login = Login(request.param, password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    return registry


def test_logging_in_is_not_counted_as_requests(guarded: Registry, pusher: Pusher) -> None:
    pusher.push(guarded, IMAGE, "v1")
    holds(guarded, IMAGE, "v1")
    result = pusher.push(guarded, IMAGE, "v1")
    assert result.counts.requests == 1
    assert result.counts.authentication == (1 if guarded.login.kind == "basic" else 2)  # type: ignore[union-attr]


def test_no_credential_is_sent_before_it_is_asked_for(registry: Registry, pusher: Pusher) -> None:
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    pusher.push(registry, IMAGE, "v1")
    assert not [seen for seen in registry.log if "Authorization" in seen.headers]


def test_wrong_password(guarded: Registry, pusher: Pusher) -> None:
    pusher.credentials[guarded.host] = Credentials("a file", "tester", "wr0ng-secret")
    with pytest.raises(NoRights, match=f"credentials of a file .*docker login {guarded.host}") as raised:
        pusher.push(guarded, IMAGE, "v1")
    assert "wr0ng" not in _everything(raised.value)


def test_no_credentials(guarded: Registry, pusher: Pusher) -> None:
    pusher.credentials.clear()
    with pytest.raises(RegistryError, match="401"):
        pusher.push(guarded, IMAGE, "v1")


def test_anybody_may_push(registry: Registry, pusher: Pusher) -> None:
    registry.login = Login("bearer", anonymous=True)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_forbidden(guarded: Registry, pusher: Pusher) -> None:
    guarded.fault("PUT", answer(403, f"{CANARY} may not push"), times=1000)
    with pytest.raises(NoRights, match=r"403, saying \"\*\*\* may not push\"") as raised:
        pusher.push(guarded, IMAGE, "v1")
    assert CANARY not in _everything(raised.value)


def test_tokens_that_expire_in_the_middle(registry: Registry, pusher: Pusher) -> None:
    pusher.threads = 1
    registry.login = Login("bearer", password=CANARY, uses=2)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert len(registry.login.tokens) > 3


def test_token_that_expires_while_a_blob_is_sent(registry: Registry, pusher: Pusher) -> None:
    registry.login = login = Login("bearer", password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)

    def expire(handler: Handler, seen: Seen) -> None:
        login.tokens.clear()
        hang_up_after(1_000_000)(handler, seen)

    registry.fault("PATCH", expire)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert [len(seen.body) for seen in registry.log if seen.method == "PATCH"][1:] == [LARGE - 1_000_000]


def test_identity_token_is_exchanged(registry: Registry, pusher: Pusher) -> None:
    registry.login = Login("bearer", password="unknown", identity=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", identity_token=CANARY)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert not [seen for seen in registry.log if seen.path == "/token" and seen.method == "GET"]


def test_scopes_are_those_of_the_repository_and_of_the_mounts(registry: Registry, pusher: Pusher) -> None:
    registry.login = Login("bearer", password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    pusher.push(registry, IMAGE, "v1")
    pusher.push(registry, IMAGE, "v1", repository="team/second")
    scopes = [seen.query["scope"] for seen in registry.log if seen.path == "/token"]
    assert scopes[0] == "repository:team/app:pull,push"
    assert scopes[-1] == "repository:team/app:pull"  # Of two, the one that the query's dict keeps.


def test_credentials_go_to_no_other_host(guarded: Registry, other: Registry, pusher: Pusher) -> None:
    guarded.uploads_at = other.url
    other.uploads, other.blobs = guarded.uploads, guarded.blobs
    pusher.push(guarded, IMAGE, "v1")
    holds(guarded, IMAGE, "v1")
    assert other.log
    assert not [seen for seen in other.log if "Authorization" in seen.headers]


def test_other_host_that_asks_for_credentials(guarded: Registry, other: Registry, pusher: Pusher) -> None:
    guarded.uploads_at = other.url
    other.login = Login("basic", password=CANARY)
    with pytest.raises(NoRights, match=f"sent on to {other.host}"):
        pusher.push(guarded, IMAGE, "v1")
    assert not [seen for seen in other.log if "Authorization" in seen.headers]


def test_failing_token_service_is_waited_for(registry: Registry, pusher: Pusher) -> None:
    registry.login = Login("bearer", password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    registry.fault("GET /token", say(503), times=2)
    pusher.push(registry, IMAGE, "v1")
    assert len(pusher.waits) == 2


@pytest.mark.parametrize(
    "act", [say(200, b'{"token": "a'), say(200, b"[]"), say(200, json.dumps({"token": f"{CANARY}\r\nX: y"}).encode())]
)
def test_token_service_that_answers_nonsense(registry: Registry, pusher: Pusher, act: object) -> None:
    registry.login = Login("bearer", password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    registry.fault("GET /token", act, times=1000)  # type: ignore[arg-type]
    with pytest.raises(BadAnswer, match="answered without a token") as raised:
        pusher.push(registry, IMAGE, "v1")
    assert CANARY not in _everything(raised.value)


def test_answer_of_the_token_service_is_cut_off(registry: Registry, pusher: Pusher) -> None:
    registry.login = Login("bearer", password=CANARY)
    pusher.credentials[registry.host] = Credentials("a file", "tester", CANARY)
    registry.fault("GET /token", truncated(200, b'{"tok', 100))
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_challenges_are_read() -> None:
    assert challenges(['Basic realm="x"']) == [Challenge("basic", {"realm": "x"})]
    both = 'Bearer realm="https://a/t?x=1",service="s, t",scope="repository:a:pull,push", Basic realm="q\\"r"'
    assert challenges([both]) == [
        Challenge("bearer", {"realm": "https://a/t?x=1", "service": "s, t", "scope": "repository:a:pull,push"}),
        Challenge("basic", {"realm": 'q"r'}),
    ]
    assert challenges(["Negotiate", "Bearer realm=a"]) == [
        Challenge("negotiate", {}),
        Challenge("bearer", {"realm": "a"}),
    ]
    assert challenges(["", ",,,", "="]) == []


# Where credentials are kept


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder / "home"), "PATH": str(folder / "bin")}

    def write(self, path: str, **config: object) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(config))
        return file

    def helper(self, name: str, says: str, code: int = 0) -> None:
        program = self.folder / "bin" / f"docker-credential-{name}"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nread server; echo "{says}"; echo {CANARY} >&2; exit {code}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def find(self, registry: str = "reg.test:5000", repository: str = "a/b/c") -> Credentials | None:
        return credentials.find(registry, repository, self.environment)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def entry(username: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{CANARY}".encode()).decode()}


def test_nothing_is_known(home: Home) -> None:
    assert home.find() is None


@pytest.mark.parametrize(
    "key", ["reg.test:5000", "https://reg.test:5000", "https://reg.test:5000/v2/", "http://reg.test:5000/"]
)
def test_docker_config(home: Home, key: str) -> None:
    home.write("home/.docker/config.json", auths={"elsewhere.test": entry("no"), key: entry("yes")})
    found = home.find()
    assert found == Credentials(found.source, "yes", CANARY)  # type: ignore[union-attr]


def test_order_of_the_files(home: Home) -> None:
    places = {
        "home/.docker/config.json": {},
        "home/.config/containers/auth.json": {},
        "run/containers/auth.json": {"XDG_RUNTIME_DIR": "run"},
        "docker/config.json": {"DOCKER_CONFIG": "docker"},
        "auth.json": {"REGISTRY_AUTH_FILE": "auth.json"},
    }
    for path, variables in places.items():
        home.environment.update({name: str(home.folder / value) for name, value in variables.items()})
        home.write(path, auths={"reg.test:5000": entry(path)})
        assert home.find().username == path  # type: ignore[union-attr]


def test_most_specific_path(home: Home) -> None:
    keys = ["reg.test:5000", "reg.test:5000/a", "reg.test:5000/a/b", "reg.test:5000/a/x"]
    home.write("home/.docker/config.json", auths={key: entry(key.replace(":", "-")) for key in keys})
    assert home.find().username == "reg.test-5000/a/b"  # type: ignore[union-attr]
    assert home.find(repository="ab/b").username == "reg.test-5000"  # type: ignore[union-attr]


def test_docker_hub(home: Home) -> None:
    home.write("home/.docker/config.json", auths={"https://index.docker.io/v1/": entry("me")})
    assert home.find("docker.io", "me/app").username == "me"  # type: ignore[union-attr]


def test_identity_token(home: Home) -> None:
    home.write("home/.docker/config.json", auths={"reg.test:5000": {"identitytoken": CANARY}})
    assert home.find().identity_token == CANARY  # type: ignore[union-attr]


def test_helpers(home: Home) -> None:
    home.write("home/.docker/config.json", credHelpers={"reg.test:5000": "one"}, credsStore="all", auths={"x.test": {}})
    home.helper("one", '{\\"Username\\": \\"$server\\", \\"Secret\\": \\"s\\"}')
    home.helper("all", '{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"$server\\"}')
    assert home.find().username == "reg.test:5000"  # type: ignore[union-attr]
    assert home.find("x.test").identity_token == "x.test"  # type: ignore[union-attr]
    assert home.find("docker.io").identity_token == "https://index.docker.io/v1/"  # type: ignore[union-attr]


def test_helper_that_has_nothing(home: Home) -> None:
    home.write("home/.docker/config.json", credsStore="all")
    home.helper("all", "credentials not found in native keychain", 1)
    assert home.find() is None


@pytest.mark.parametrize(
    ("says", "code", "error"),
    [
        ("the keychain is locked", 1, r"has no credentials for reg.test:5000 \(the keychain is locked\)"),
        (f'{{\\"Secret\\": \\"{CANARY}\\"}}', 1, r"\(exit code 1\)"),
        (f'{{\\"Secret\\": \\"{CANARY}\\"}}', 0, "something that is no credential"),
        (CANARY, 0, "something that is no credential"),
        ("[]", 0, "something that is no credential"),
    ],
)
def test_helper_that_fails(home: Home, says: str, code: int, error: str) -> None:
    home.write("home/.docker/config.json", credsStore="all")
    home.helper("all", says, code)
    with pytest.raises(BadCredentials, match=error) as raised:
        home.find()
    assert CANARY not in _everything(raised.value)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"credsStore": "absent"}, "docker-credential-absent, which is not on PATH"),
        ({"credHelpers": {"reg.test:5000": "../evil"}}, "not a plain name"),
        ({"credHelpers": []}, None),
        ({"credHelpers": [1]}, "'credHelpers' is not a JSON object"),
        ({"auths": {"reg.test:5000": {"auth": CANARY}}}, "not base64 of user:password"),
        ({"auths": {"reg.test:5000": {"auth": "bm9jb2xvbg=="}}}, "not base64 of user:password"),
        ({"auths": {"reg.test:5000": [CANARY]}}, "not a JSON object"),
    ],
)
def test_config_that_is_wrong(home: Home, config: dict[str, object], error: str | None) -> None:
    home.write("home/.docker/config.json", **config)
    if error is None:
        assert home.find() is None
        return
    with pytest.raises(BadCredentials, match=error) as raised:
        home.find()
    assert CANARY not in _everything(raised.value)


@pytest.mark.parametrize(("text", "error"), [(f'{{"auths": {CANARY}', "is not JSON"), ("[1]", "not a JSON object")])
def test_config_that_is_no_json(home: Home, text: str, error: str) -> None:
    home.write("home/.docker/config.json").write_text(text)
    with pytest.raises(BadCredentials, match=error) as raised:
        home.find()
    assert CANARY not in _everything(raised.value)


# Nobody sees it


def test_credential_reaches_no_output_receipt_or_error(
    registry: Registry, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.packaging.tests.registry.layouts import write

    folder = write(tmp_path / "layout", data(1, LARGE), data(2))
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/config.json").write_text(json.dumps({"auths": {registry.host: entry("tester")}}))
    for name, value in {"DOCKER_CONFIG": "docker", "XDG_CACHE_HOME": "cache"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for kind in ("basic", "bearer"):
        for status in (0, 401, 403, 404, 413, 400):
            registry.login = Login(kind, password=CANARY)
            registry.blobs.clear()
            registry.manifests.clear()
            registry.faults.clear()
            echo = f"you sent {CANARY} and {basic('tester', CANARY)}"
            if status:
                registry.fault("PUT|PATCH", answer(status, echo), times=1000)
            cli.main([str(folder), f"{registry.host}/team/app:v1", "--insecure", "http"])
    shown = capfd.readouterr()
    assert shown.out.count("sha256:") == 2
    assert "you sent ***" in shown.err
    receipts = "".join(path.read_text() for path in (tmp_path / "cache").rglob("*.json"))
    assert "sha256:" in receipts
    for text in (shown.out, shown.err, receipts):
        assert CANARY not in text
        assert basic("tester", CANARY).split()[1] not in text


def test_credentials_are_not_shown_when_printed() -> None:
    assert CANARY not in repr(Credentials("a file", "tester", CANARY, CANARY, CANARY))


def _everything(error: BaseException) -> str:
    """All that a log might show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error)) + os.linesep
