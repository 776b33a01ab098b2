"""One blob: uploaded, resumed, begun anew."""

from __future__ import annotations

import threading

import pytest

from image_tools.registry.content import from_stream
from image_tools.registry.errors import BadAnswer, Broken, Failed, RegistryError, TooLarge, TooManyRequests
from image_tools.registry.image import digest_of
from tools.packaging.tests.registry.pushing import LARGE, REPOSITORY, Pusher, data, holds, image, replaced
from tools.packaging.tests.registry.scripted import (
    Handler,
    Registry,
    Seen,
    answer,
    answer_at_once,
    do_and_hang_up,
    hang_up,
    hang_up_after,
    say,
)

LAYER = data(1, LARGE)
IMAGE = image(LAYER)


def sent_in_patches(registry: Registry) -> list[int]:
    return [len(seen.body) for seen in registry.log if seen.method == "PATCH"]


def test_large_blob_is_one_patch(registry: Registry, pusher: Pusher) -> None:
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert sent_in_patches(registry) == [LARGE]


def test_broken_upload_goes_on_where_it_broke(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", hang_up_after(1_000_000))
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert sent_in_patches(registry)[1:] == [LARGE - 1_000_000]
    assert len(registry.asked("GET .*/blobs/uploads/")) == 1


def test_upload_that_breaks_again_and_again_while_it_gets_on(registry: Registry, pusher: Pusher) -> None:
    pusher.attempts = 2
    registry.fault("PATCH", hang_up_after(300_000), times=9)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_upload_that_breaks_without_getting_on(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", hang_up_after(0), times=1000)
    with pytest.raises(Broken, match="while we uploaded a blob"):
        pusher.push(registry, IMAGE, "v1")
    assert len(registry.asked("PATCH")) == pusher.attempts


def test_upload_that_was_forgotten_begins_anew(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", hang_up_after(1_000_000, forget=True))
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert len(registry.asked("POST")) == 3  # The layer's two, and the config's.


def test_upload_that_is_always_forgotten(registry: Registry, pusher: Pusher) -> None:
    def forget(handler: Handler, seen: Seen) -> None:
        handler.registry.uploads.clear()
        handler.behave(seen)

    registry.fault("PATCH", forget, times=1000)
    with pytest.raises(RegistryError, match='404, saying "blob upload unknown"'):
        pusher.push(registry, IMAGE, "v1")


def test_registry_that_tells_no_range_gets_all_of_it_again(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", hang_up_after(1_000_000))
    registry.fault("GET .*/uploads/", say(204))
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_registry_that_has_more_than_there_is(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", hang_up_after(1_000_000))
    registry.fault("GET .*/uploads/", say(204, headers={"Range": f"0-{LARGE}"}))
    with pytest.raises(BadAnswer, match="more of it than there is"):
        pusher.push(registry, IMAGE, "v1")


def test_finished_upload_whose_answer_is_lost(registry: Registry, pusher: Pusher) -> None:
    registry.fault(r"PUT .*/uploads/", do_and_hang_up, times=2)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert sent_in_patches(registry) == [LARGE]


def test_patch_whose_answer_is_lost(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", do_and_hang_up)
    pusher.push(registry, IMAGE, "v1")
    assert sent_in_patches(registry) == [LARGE]


def test_bytes_that_were_garbled_on_the_way_are_sent_again(registry: Registry, pusher: Pusher) -> None:
    def garble(handler: Handler, seen: Seen) -> None:
        handler.behave(seen)
        handler.registry.uploads[seen.path.rpartition("/")[2]][:5] = b"wrong"

    registry.fault("PATCH", garble)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    registry.blobs.clear()
    registry.fault("PATCH", garble, times=1000)
    with pytest.raises(RegistryError, match="provided digest did not match"):
        pusher.push(registry, IMAGE, "v1")


def test_registry_that_takes_no_patch(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PATCH", answer(405), times=1000)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_registry_that_takes_no_put_with_a_body(registry: Registry, pusher: Pusher) -> None:
    def refuse(handler: Handler, seen: Seen) -> None:
        (answer(400) if handler.left else Handler.behave)(handler, seen)

    registry.fault("PUT .*/uploads/", refuse, times=1000)
    pusher.push(registry, image(data(1)), "v1")
    holds(registry, image(data(1)), "v1")


def test_failures_of_the_registry_are_waited_out(registry: Registry, pusher: Pusher) -> None:
    for method in ("POST", "PATCH", "PUT .*/uploads", "PUT .*/manifests/"):
        registry.fault(method, answer(503), times=2)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert len(pusher.waits) == 8
    assert all(0 < seconds <= 20 for seconds in pusher.waits)


def test_registry_that_goes_on_failing(registry: Registry, pusher: Pusher) -> None:
    registry.fault("POST", answer(500, "disk full"), times=1000)
    with pytest.raises(Failed, match=r"the registry failed \(500, saying \"disk full\"\): look at its log"):
        pusher.push(registry, image(data(1)), "v1")
    assert registry.tags() == []


def test_retry_after_is_what_is_waited(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT .*/manifests/", answer(429, headers={"Retry-After": "7"}))
    registry.fault("PATCH", answer(429, headers={"Retry-After": "9"}))
    registry.fault("POST", answer(503, headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}))
    pusher.push(registry, IMAGE, "v1")
    assert sorted(pusher.waits) == [0.0, 7.0, 9.0]


def test_retry_after_an_hour_is_not_waited_for(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT", answer(429, "slow down", {"Retry-After": "3600"}))
    with pytest.raises(TooManyRequests, match="allows no more requests for now"):
        pusher.push(registry, IMAGE, "v1")
    assert pusher.waits == []


@pytest.mark.parametrize("act", [answer(413), answer_at_once(413)])
def test_too_large_for_a_proxy(registry: Registry, pusher: Pusher, act: object) -> None:
    registry.fault("PATCH", act, times=1000)  # type: ignore[arg-type]
    with pytest.raises(TooLarge, match=f"{digest_of(LAYER)}.* is too large for .*client_max_body_size"):
        pusher.push(registry, IMAGE, "v1")
    assert registry.tags() == []


def test_connections_that_break_before_an_answer(registry: Registry, pusher: Pusher) -> None:
    registry.fault("POST", hang_up, times=2)
    registry.fault("PUT .*/manifests/v1", hang_up)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_uploads_are_sent_on_to_another_host(registry: Registry, other: Registry, pusher: Pusher) -> None:
    registry.uploads_at = other.url
    other.uploads, other.blobs = registry.uploads, registry.blobs
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")
    assert sent_in_patches(other) == [LARGE]


def test_upload_is_redirected_with_its_body(registry: Registry, other: Registry, pusher: Pusher) -> None:
    other.uploads, other.blobs = registry.uploads, registry.blobs

    def redirect(handler: Handler, seen: Seen) -> None:
        handler.take()
        handler.say(307, headers={"Location": other.url + handler.path})

    registry.fault("PATCH|PUT .*/uploads/", redirect, times=1000)
    pusher.push(registry, IMAGE, "v1")
    holds(registry, IMAGE, "v1")


def test_redirects_without_end(registry: Registry, pusher: Pusher) -> None:
    registry.fault("POST", say(307, headers={"Location": "/v2/team/app/blobs/uploads/"}), times=1000)
    with pytest.raises(BadAnswer, match="sent on more than 5 times"):
        pusher.push(registry, IMAGE, "v1")


def test_upload_without_a_location(registry: Registry, pusher: Pusher) -> None:
    registry.fault("POST", say(202), times=1000)
    with pytest.raises(BadAnswer, match="no Location"):
        pusher.push(registry, IMAGE, "v1")


def test_memory_does_not_grow_with_a_blob(registry: Registry, pusher: Pusher) -> None:
    largest, outstanding = 0, threading.local()

    class Pieces:
        def __init__(self) -> None:
            self.position = 0

        def read(self, size: int) -> bytes:
            nonlocal largest
            largest = max(largest, size)
            piece = LAYER[self.position : self.position + size]
            self.position += len(piece)
            return piece

        def close(self) -> None:
            outstanding.closed = True

    pushed = replaced(IMAGE, digest_of(LAYER), content=from_stream(Pieces))
    registry.fault("PATCH", hang_up_after(1_000_000))
    pusher.push(registry, pushed, "v1")
    assert largest <= 1 << 17


def test_base_layer_whose_source_breaks_off_goes_on(registry: Registry, other: Registry, pusher: Pusher) -> None:
    from image_tools.registry.reference import Reference
    from tools.packaging.tests.registry.scripted import truncated

    other.blobs["bases/python", digest_of(LAYER)] = LAYER
    other.fault("GET .*/blobs/", truncated(200, LAYER[:1_000_000], LARGE))
    pushed = image(LAYER, base=Reference(other.host, "bases/python"), lacking=(LAYER,))
    pusher.push(registry, pushed, "v1")
    holds(registry, pushed, "v1")
    assert len(registry.asked(f"PATCH /v2/{REPOSITORY}")) == 2
