"""Registries that are not there, are slow, or are told to be forgotten about."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from image_tools.registry.errors import BadAnswer, Broken, Cancelled, NotFound, RegistryError, Unreachable
from image_tools.registry.push import Target, push
from image_tools.registry.reference import Reference
from image_tools.registry.security import Security
from tools.packaging.tests.registry.layouts import write
from tools.packaging.tests.registry.pushing import LARGE, Pusher, data, holds, image
from tools.packaging.tests.registry.scripted import Handler, Registry, Seen, answer, hang, hang_up, say, truncated

IMAGE = image(data(1, LARGE), data(2))


def aim(host: str) -> list[Target]:
    return [Target(IMAGE, Reference(host, "team/app"), ("v1",))]


def test_name_that_is_not_known(pusher: Pusher) -> None:
    with pytest.raises(Unreachable, match="no-such-registry.invalid: no such host is known"):
        push(aim("no-such-registry.invalid"), pusher.session())


def test_refused_connection_is_not_waited_for(pusher: Pusher) -> None:
    gone = Registry()
    gone.close()
    with pytest.raises(Unreachable, match=f"{gone.host} refuses connections"):
        pusher.push(gone, IMAGE, "v1")
    assert pusher.waits == []


def test_registry_that_goes_in_the_middle(registry: Registry, pusher: Pusher) -> None:
    registry.fault("POST", hang_up, times=1000)
    with pytest.raises(Broken, match="the connection to .* broke while we began to upload"):
        pusher.push(registry, IMAGE, "v1")
    assert registry.tags() == []


def test_registry_that_says_nothing(registry: Registry, pusher: Pusher) -> None:
    pusher.timeout, pusher.attempts = 0.05, 1
    registry.fault("PUT", hang(threading.Event()), times=1000)
    with pytest.raises(Broken, match="stopped answering while we put a manifest"):
        pusher.push(registry, IMAGE, "v1")


def test_repository_that_is_not_there(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT|HEAD", answer(404, "repository name not known to registry", code="NAME_UNKNOWN"), times=1000)
    with pytest.raises(NotFound, match=r"team/app .* is not found .*create the repository"):
        pusher.push(registry, IMAGE, "v1")


def test_error_that_is_cut_off_is_asked_for_again(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT", truncated(400, b'{"errors": [{"code": "MANIFEST_BL', 500))
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_error_that_is_no_json(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT", say(400, b'{"errors": [{"code": "MANIFEST_BL'), times=1000)
    with pytest.raises(RegistryError, match=r"the registry refused \(400\)"):
        pusher.push(registry, IMAGE, "v1")


@pytest.mark.parametrize("body", [b"[]", b'{"errors": 1}', b'{"errors": [1]}', b'{"errors": null}', b"\xff", b"<html>"])
def test_error_in_another_shape(registry: Registry, pusher: Pusher, body: bytes) -> None:
    registry.fault("PUT .*/manifests/", say(400, body), times=1000)
    with pytest.raises(RegistryError, match=r"the registry refused \(400\)"):
        pusher.push(registry, IMAGE, "v1")


def test_words_of_a_registry_are_kept_short_and_printable(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT", answer(400, "\x1b[31mred\n\r" + "x" * 1000))
    with pytest.raises(RegistryError) as raised:
        pusher.push(registry, IMAGE, "v1")
    assert len(str(raised.value)) < 400
    assert str(raised.value).isprintable()


def test_endless_answer(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT", say(400, b"x" * ((16 << 20) + 1)))
    with pytest.raises(BadAnswer, match="more than 16 MB"):
        pusher.push(registry, IMAGE, "v1")


def test_server_that_speaks_no_http(registry: Registry, pusher: Pusher) -> None:
    def babble(handler: Handler, seen: Seen) -> None:
        handler.take()
        handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")
        handler.hang_up()

    registry.fault("PUT", babble, times=1000)
    with pytest.raises(Broken, match="broke while we put a manifest"):
        pusher.push(registry, IMAGE, "v1")


def test_tls_is_asked_of_a_registry_without(registry: Registry, pusher: Pusher) -> None:
    pusher.security = Security()
    with pytest.raises(Unreachable, match="does not speak TLS: .*--insecure http"):
        pusher.push(registry, IMAGE, "v1")


# Stopping


@pytest.mark.parametrize("where", ["PUT .*/manifests/sha256", "POST", "PATCH", "PUT .*/uploads", "PUT .*/manifests/v1"])
def test_cancel_ends_whatever_is_waited_for(registry: Registry, pusher: Pusher, where: str) -> None:
    cancel = threading.Event()
    registry.fault(where, hang(cancel), times=1000)  # Reaching the fault is what cancels.
    with pytest.raises(Cancelled):
        pusher.push(registry, IMAGE, "v1", cancel=cancel)
    assert registry.tags() == []
    assert not registry.released.is_set()


def test_cancel_ends_a_wait(registry: Registry, pusher: Pusher) -> None:
    from image_tools.registry.patience import Patience
    from image_tools.registry.session import Session, Settings

    cancel = threading.Event()

    def busy(handler: Handler, seen: Seen) -> None:
        cancel.set()
        answer(429, headers={"Retry-After": "100"})(handler, seen)

    registry.fault("PUT", busy, times=1000)
    session = Session(Settings(Security("http"), patience=Patience()))
    with pytest.raises(Cancelled):
        pusher.push(registry, IMAGE, "v1", cancel=cancel, session=session)


def test_interrupt_ends_the_program(registry: Registry, tmp_path: Path) -> None:
    reached = threading.Event()
    registry.fault("PATCH", hang(reached), times=1000)
    folder = write(tmp_path / "layout", data(1, LARGE))
    receipts = str(tmp_path / "receipts")
    command = [sys.executable, "-m", "image_tools.registry", str(folder), f"{registry.host}/team/app:v1"]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "HOME": str(tmp_path)}
    with subprocess.Popen(
        [*command, "--insecure", "http", "--receipts", receipts], stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        reached.wait()
        program.send_signal(signal.SIGINT)
        _, said = program.communicate()
    assert program.returncode == 130
    assert said.splitlines()[-1] == "push: interrupted before the registry had confirmed it"
    assert registry.tags() == []


def test_what_was_uploaded_before_a_failure_is_not_uploaded_again(registry: Registry, pusher: Pusher) -> None:
    pusher.threads = 1
    registry.fault("PUT .*/manifests/v1", answer(403), times=1)
    with pytest.raises(RegistryError):
        pusher.push(registry, IMAGE, "v1")
    assert pusher.push(registry, IMAGE, "v1").counts.requests == 1
