"""What is said of a push that fails: to the user at once, and to the program that would submit."""

from __future__ import annotations

import ast
import base64
import json
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from image_tools.launch.words import Complaints
from image_tools.registry.errors import Broken, TooManyRequests
from tools.packaging.tests.launch.built import GOES_ON, LABEL, REPOSITORY, Built, no_room, write, write_image
from tools.packaging.tests.launch.following import SOURCE
from tools.packaging.tests.registry.pushing import LARGE, data, holds, image
from tools.packaging.tests.registry.scripted import (
    Act,
    Handler,
    Login,
    Registry,
    Seen,
    answer,
    answer_at_once,
    hang,
    hang_up,
    say,
    truncated,
)

CANARY = "c4nary-of-a-password"


def failed(built: Built) -> str:
    """The reason, which must be the same in both places."""
    ran = built.python(f"{SOURCE}\nprint(wait())").build().run()
    found = ast.literal_eval(ran.stdout)
    assert ran.returncode == 0
    assert found["state"] == "failed"
    *complaints, last = ran.stderr.splitlines()
    assert last == f"push: the image of {LABEL} was not pushed: {found['reason']}. {GOES_ON}"
    assert all(re.fullmatch(r"push: .*; asking again in \d+ s\.", line) for line in complaints)
    assert found["reason"].isprintable()
    return str(found["reason"])


REFUSALS: dict[str, tuple[str, Act, str]] = {
    "401": ("", answer(401), "no rights, asked without credentials"),
    "403": ("PUT", answer(403, "not you"), 'no rights, .* (403, saying "not you"): log in with `docker login '),
    "413": ("PATCH|PUT.*uploads", answer_at_once(413), "is too large for .*client_max_body_size"),
    "429": ("", answer(429, headers={"Retry-After": "1000"}), "allows no more requests for now (429"),
    "500": ("", answer(500, "out of order"), 'the registry failed (500, saying "out of order"): look at its log'),
    "404": ("", answer(404, code="NAME_UNKNOWN"), "is not found .*create the repository"),
    "cut off": ("", truncated(500, b'{"errors', 1000), "broke while we put a manifest (IncompleteRead): try again"),
    "hangs up": ("", hang_up, "the connection to .* broke while we put a manifest"),
    "no JSON": ("PUT .*manifests", say(400, b"<html>"), "the registry refused (400)"),
    "redirected": ("", say(307, headers={"Location": "ftp://elsewhere/"}), "sends us on to elsewhere without TLS"),
    "no place": ("POST", say(202), "does not say where to: no Location"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_registry_that_refuses(built: Built, registry: Registry, name: str) -> None:
    pattern, act, words = REFUSALS[name]
    registry.fault(pattern, act, times=1000)
    built.patience = {"attempts": 2, "first": 0.001}
    built.images = {"default": image(data(1, LARGE))}
    reason = failed(built)
    for part in words.split(".*"):
        assert part in reason
    assert registry.host in reason
    assert registry.tags() == []


def test_refusal_comes_with_the_first_request(built: Built, registry: Registry) -> None:
    registry.fault("", answer(403), times=1000)
    built.images = {"default": image(*[data(number, LARGE) for number in range(3)])}
    failed(built)
    assert len(registry.log) == 1


def test_registry_that_is_not_there(built: Built) -> None:
    built.registry = "127.0.0.1:1"
    assert failed(built) == "127.0.0.1:1 refuses connections: check that the registry runs there, and its port"


def test_registry_that_says_nothing(built: Built, registry: Registry) -> None:
    registry.fault("", hang(threading.Event()), times=1000)
    built.patience, built.timeout = {"attempts": 2, "first": 0.001}, 0.2
    assert f"{registry.host} stopped answering while we put a manifest: check the network" in failed(built)
    assert len(registry.log) == 2


def test_registry_that_asks_to_wait_is_waited_for(built: Built, registry: Registry) -> None:
    registry.fault("", answer(429, headers={"Retry-After": "0"}), times=3)
    ran = built.python(f"{SOURCE}\nprint(wait())").build().run()
    assert ran.stdout == "{'state': 'pushed'}\n"


def test_what_keeps_a_push_waiting_is_said(built: Built, registry: Registry) -> None:
    registry.fault("", hang_up, times=4)
    built.patience = {"first": 0.001}
    built.images = {"default": image(data(1), data(2))}
    first, second = built.build().push().stderr.splitlines()
    assert first.startswith(f"push: the connection to {registry.host} broke while we put a manifest ")
    assert first.endswith("; asking again in 0 s.")
    assert second.startswith("pushed ")


def test_registry_that_is_busy_for_a_moment_is_no_news(built: Built, registry: Registry) -> None:
    registry.fault("", answer(429, headers={"Retry-After": "0"}), times=2)
    assert built.build().push().stderr.startswith("pushed ")


def test_complaints_are_few() -> None:
    now, said = [0.0], list[str]()
    complaints = Complaints(said.append, lambda: now[0])
    for second in range(100):
        now[0] = second
        complaints.hear(Broken("it broke"), 1)
        complaints.hear(TooManyRequests("it is busy", 429), 4)
    assert said == ["push: it broke; asking again in 1 s."] * 10
    now[0] = 100
    complaints.hear(TooManyRequests("it is busy", 429), 60)
    assert said[-1] == "push: it is busy; asking again in 60 s."


def test_head_that_lies(built: Built, registry: Registry) -> None:
    registry.names_missing = False
    registry.fault("HEAD .*/blobs/", say(200), times=1000)
    assert built.build().push().returncode == 0
    holds(registry, built.images["default"], built.images["default"].digest)


def test_blob_that_vanished_is_brought_again(built: Built, registry: Registry) -> None:
    built.build().push()
    registry.manifests.clear()
    del registry.blobs[REPOSITORY, built.images["default"].blobs[1].digest]
    assert built.push().stderr.startswith("pushed ")
    holds(registry, built.images["default"], built.images["default"].digest)


# Logging in


def log_in(built: Built, registry: Registry, login: Login) -> None:
    registry.login = login
    auth = base64.b64encode(f"tester:{CANARY}".encode()).decode()
    config = {"auths": {registry.host: {"auth": auth}}}
    write(built.home / ".docker/config.json", json.dumps(config), 0o600)


def test_login_happens_once(built: Built, registry: Registry) -> None:
    log_in(built, registry, Login("bearer", password=CANARY))
    built.images = {"default": image(data(1), data(2)), "gpu": image(data(3), data(4))}
    built.python(f"{SOURCE}\nprint(wait())").build().run()
    assert [seen.path for seen in registry.log].count("/token") == 1
    registry.log.clear()
    assert built.run().stdout == "{'state': 'pushed'}\n"
    assert sorted(f"{seen.method} {seen.path.split('@')[0].split('sha256')[0]}" for seen in registry.log) == [
        "GET /token",
        "GET /v2/",
        f"PUT /v2/{REPOSITORY}/manifests/",
        f"PUT /v2/{REPOSITORY}/manifests/",
    ]


def test_token_that_expires_in_the_middle(built: Built, registry: Registry) -> None:
    log_in(built, registry, Login("bearer", password=CANARY, uses=20))
    built.images = {"default": image(*[data(number) for number in range(30)])}
    assert built.python(f"{SOURCE}\nprint(wait())").build().run().stdout == "{'state': 'pushed'}\n"
    holds(registry, built.images["default"], built.images["default"].digest)
    assert [seen.path for seen in registry.log].count("/token") > 2


@pytest.mark.parametrize("kind", ["basic", "bearer"])
@pytest.mark.parametrize("right", [True, False])
def test_no_credential_is_told_to_anybody(built: Built, registry: Registry, kind: str, right: bool) -> None:
    log_in(built, registry, Login(kind, password=CANARY if right else "another"))

    def echo(handler: Handler, seen: Seen) -> None:
        answer(403, f"you sent {CANARY} and {seen.headers.get('Authorization')}")(handler, seen)

    registry.fault("manifests", echo, times=1000)
    source = f"{SOURCE}\nwait()\nprint(open(os.environ['SEMATIC_PUSH']).read(), dict(os.environ))"
    ran = built.python(source).build().run()
    kept = [path.read_text() for path in built.home.rglob("*") if path.is_file() and path.name != "config.json"]
    told = "\n".join([ran.stdout, ran.stderr, *kept])
    assert "no rights" in told
    for secret in (CANARY, base64.b64encode(f"tester:{CANARY}".encode()).decode()):
        assert secret not in told
    assert "-token-" not in told


def test_login_that_is_broken(built: Built, registry: Registry) -> None:
    write(built.home / ".docker/config.json", "{")
    assert f"{built.home}/.docker/config.json is not JSON: correct it" in failed(built)


# Our own files


@pytest.mark.parametrize("name", ["push.json", "default/image.json", "default/manifest.json"])
def test_file_of_the_build_that_is_gone(built: Built, registry: Registry, name: str) -> None:
    path = built.build().runfiles / "_main" / name
    path.unlink()
    assert built.push().stderr == (
        f"push: nothing can be pushed: {path} cannot be read (No such file or directory): build it again.\n"
    )
    assert registry.log == []


@pytest.mark.parametrize("name", ["default/layer0", "default/config.json"])
def test_blob_of_the_build_that_is_gone(built: Built, name: str) -> None:
    path = built.build().runfiles / "_main" / name
    path.unlink()
    assert f"{path} cannot be read (No such file or directory): build it again" in built.push().stderr


def test_blob_of_the_build_that_is_gone_is_not_missed_when_the_registry_has_it(
    built: Built, registry: Registry
) -> None:
    built.build().push()
    (built.runfiles / "_main/default/layer0").unlink()
    assert built.push().returncode == 0


def test_blob_of_the_build_that_changed(built: Built, registry: Registry) -> None:
    built.build()
    write(built.runfiles / "_main/default/layer0", data(9))
    ran = built.push()
    assert ran.returncode == 1
    assert "our own copy of it has another digest: build it again" in ran.stderr
    assert registry.manifests == {}


BROKEN: dict[str, Any] = {
    "no object": [],
    "empty": {},
    "no images": {"images": None},
    "images of another kind": {"images": {"tag": "x"}},
    "insecure": {"insecure": "yes"},
    "registry of another kind": {"registry": 5},
}


@pytest.mark.parametrize("name", BROKEN)
def test_plan_that_is_broken(built: Built, registry: Registry, name: str) -> None:
    built.build()
    path = built.runfiles / "_main/push.json"
    whole = json.loads(path.read_text())
    broken = BROKEN[name]
    path.write_text(json.dumps({**whole, **broken} if isinstance(broken, dict) and broken else broken))
    ran = built.push()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("push: nothing can be pushed: ")
    assert ran.stderr.count("\n") == 1
    assert registry.log == []


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"manifest": 1}', '{"manifest": "_main/push.json"}', "\xff"])
def test_description_of_an_image_that_is_broken(built: Built, registry: Registry, text: str) -> None:
    built.build()
    (built.runfiles / "_main/default/image.json").write_bytes(text.encode("latin-1"))
    ran = built.push()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("push: nothing can be pushed: ")
    assert "build it again" in ran.stderr
    assert registry.log == []


def test_manifest_of_another_image(built: Built, registry: Registry) -> None:
    built.build()
    write(built.runfiles / "_main/default/manifest.json", image(data(7)).manifest)
    assert "is not the manifest that its image.json names: build it again" in built.push().stderr
    assert registry.log == []


@pytest.mark.parametrize("missing", ["registry", "repository"])
def test_target_that_does_not_say_where_to(built: Built, missing: str) -> None:
    built.plan = {missing: ""}
    assert built.build().push().stderr == (
        f"push: nothing can be pushed: {LABEL} does not say where to push its images: give it a registry and a "
        "repository.\n"
    )


@pytest.mark.parametrize(
    ("registry_name", "words"),
    [
        ("myhost", "what runs images takes myhost/team/app for docker.io/myhost/team/app: write the registry with its"),
        ("host:x", "'host:x' is no registry"),
        ("http://host", "is no"),
    ],
)
def test_registry_that_is_none(built: Built, registry_name: str, words: str) -> None:
    built.plan = {"registry": registry_name}
    assert words in built.build().push().stderr


# Alone


def test_push_alone_prints_references(built: Built, registry: Registry) -> None:
    built.images = {"default": image(data(1)), "gpu": image(data(2))}
    ran = built.build().push()
    references = [f"{registry.host}/{REPOSITORY}@{each.digest}" for each in built.images.values()]
    assert (ran.returncode, ran.stdout.splitlines()) == (0, references)
    assert ran.stderr.startswith(f"pushed {', '.join(references)}: 4 blobs, ")
    again = built.push()
    assert again.stdout == ran.stdout
    assert ": 0 blobs, " in again.stderr


def test_push_alone_that_fails_prints_no_reference(built: Built, registry: Registry) -> None:
    registry.fault("", answer(403), times=1000)
    ran = built.build().push()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"push: the image of {LABEL} was not pushed: ")
    assert GOES_ON not in ran.stderr


def test_no_room_for_receipts(built: Built, registry: Registry) -> None:
    command = built.build().alone
    ran = subprocess.run(command, env=built.env, capture_output=True, text=True, preexec_fn=no_room)
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"{registry.host}/{REPOSITORY}@sha256:")
    assert list(built.receipts.iterdir()) == []


def test_receipts_that_cannot_be_kept(built: Built, registry: Registry) -> None:
    write(built.home / ".cache/sematic/receipts", "a file")
    assert built.build().push().returncode == 0


# The base's layers


def test_base_layers_come_from_its_layout(built: Built, registry: Registry) -> None:
    base, own = data(1), data(2)
    built.images = {"default": image(base, own, lacking=(base,))}
    built.build()
    digest = built.images["default"].blobs[1].digest
    write(built.runfiles / "base/blobs" / digest.replace(":", "/"), base)
    write_image(built.runfiles, "_main/default", built.images["default"], layout="base")
    assert built.push().returncode == 0
    holds(registry, built.images["default"], built.images["default"].digest)


def test_base_layers_come_from_its_repository(built: Built, registry: Registry, other: Registry) -> None:
    base, own = data(1, LARGE), data(2)
    built.images = {"default": image(base, own, lacking=(base,))}
    built.build()
    digest = built.images["default"].blobs[1].digest
    other.blobs["bases/python", digest] = base
    reference = f"{other.host}/bases/python@{'sha256:' + '0' * 64}"
    write_image(built.runfiles, "_main/default", built.images["default"], reference=reference, insecure="http")
    assert built.push().returncode == 0
    holds(registry, built.images["default"], built.images["default"].digest)
    other.log.clear()
    assert built.push().returncode == 0
    assert other.log == []


def test_base_layers_of_the_same_registry_are_mounted(built: Built, registry: Registry) -> None:
    base, own = data(1, LARGE), data(2)
    built.images = {"default": image(base, own, lacking=(base,))}
    built.build()
    digest = built.images["default"].blobs[1].digest
    registry.blobs["bases/python", digest] = base
    reference = f"{registry.host}/bases/python@{'sha256:' + '0' * 64}"
    write_image(built.runfiles, "_main/default", built.images["default"], reference=reference)
    assert ": 2 blobs, 1 mounted, " in built.push().stderr


def test_base_layers_that_are_nowhere(built: Built, registry: Registry) -> None:
    base, own = data(1), data(2)
    built.images = {"default": image(base, own, lacking=(base,))}
    assert "is neither there nor here: push the image that it comes from once more" in built.build().push().stderr
    assert registry.manifests == {}


def test_folder_of_a_base_that_is_gone(built: Built, tmp_path: Path) -> None:
    built.images = {"default": image(data(1), data(2), lacking=(data(1),))}
    built.build()
    write_image(built.runfiles, "_main/default", built.images["default"], layout="gone")
    assert "is neither there nor here" in built.push().stderr
