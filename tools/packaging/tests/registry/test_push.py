"""What a push costs, and what is in the registry afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_tools.registry.errors import BadAnswer, BadContent, RegistryError
from image_tools.registry.image import Image, digest_of
from image_tools.registry.push import Target, push
from image_tools.registry.reference import Reference
from tools.packaging.tests.registry.pushing import LARGE, REPOSITORY, Pusher, blob, data, holds, image, replaced, stream
from tools.packaging.tests.registry.scripted import Handler, Registry, Seen, answer, do_and_hang_up, say

LAYERS = [data(number) for number in range(60)]
CONFIG_AND_LAYER = 2


def test_first_push_asks_once_and_sends_everything(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS)
    result = pusher.push(registry, pushed, "v1")
    holds(registry, pushed, "v1")
    assert str(result.references[0]) == f"{registry.host}/{REPOSITORY}@{pushed.digest}"
    assert len(registry.log) == result.counts.requests == 1 + 2 * 61 + 1
    assert result.counts.sent == registry.received
    assert registry.asked()[0] == f"PUT /v2/{REPOSITORY}/manifests/{pushed.digest}"
    assert registry.asked()[-1] == f"PUT /v2/{REPOSITORY}/manifests/v1"


def test_unchanged_image_is_one_request(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS)
    pusher.push(registry, pushed, "v1")
    before, received = len(registry.log), registry.received
    result = pusher.push(registry, pushed, "v1")
    assert len(registry.log) - before == result.counts.requests == 1
    assert registry.received - received == result.counts.sent < 16_000
    assert result.uploaded == ()


def test_unchanged_image_without_tag_is_one_request(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS)
    pusher.push(registry, pushed)
    assert pusher.push(registry, pushed).counts.requests == 1
    assert registry.tags() == []


def test_unchanged_image_on_a_new_machine_is_one_request_and_a_tag(
    registry: Registry, pusher: Pusher, tmp_path: Path
) -> None:
    pushed = image(*LAYERS)
    pusher.push(registry, pushed, "v1")
    registry.log.clear()
    (next(pusher.receipts.iterdir())).unlink()
    registry.checks = True
    result = pusher.push(registry, pushed)
    assert registry.asked("PUT") == [f"PUT /v2/{REPOSITORY}/manifests/{pushed.digest}"]
    assert result.uploaded == ()  # Not having seen this registry check, it looked for each blob, once.
    assert len(registry.asked("HEAD")) == 61
    registry.log.clear()
    assert pusher.push(registry, pushed).counts.requests == 1


def test_one_line_edit_is_five_requests_and_a_few_kilobytes(registry: Registry, pusher: Pusher) -> None:
    pusher.push(registry, image(*LAYERS, b"print(1)\n"), "v1")
    before, received = len(registry.log), registry.received
    edited = image(*LAYERS, b"print(2)\n")
    result = pusher.push(registry, edited, "v1")
    holds(registry, edited, "v1")
    assert len(registry.log) - before == result.counts.requests == 5
    assert registry.received - received == result.counts.sent < 32_000
    assert len(result.uploaded) == CONFIG_AND_LAYER


def test_large_change_asks_before_it_sends(registry: Registry, pusher: Pusher) -> None:
    pusher.push(registry, image(*LAYERS, b"a"), "v1")
    there = data(7, 300_000)
    registry.blobs[REPOSITORY, digest_of(there)] = there  # A colleague has pushed it.
    before = len(registry.log)
    result = pusher.push(registry, image(*LAYERS, there), "v1")
    assert digest_of(there) not in result.uploaded
    assert len(registry.log) - before == 4


def test_blob_that_vanished_is_uploaded_again(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS)
    pusher.push(registry, pushed, "v1")
    gone = digest_of(LAYERS[3])
    del registry.blobs[REPOSITORY, gone]
    result = pusher.push(registry, pushed, "v1")
    assert result.uploaded == (gone,)
    assert result.counts.requests == 4
    holds(registry, pushed, "v1")


def test_registry_that_was_emptied(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS)
    pusher.push(registry, pushed, "v1")
    registry.blobs.clear()
    registry.manifests.clear()
    assert len(pusher.push(registry, pushed, "v1").uploaded) == 61
    holds(registry, pushed, "v1")


def test_registry_that_does_not_say_what_is_missing_is_asked_by_head(registry: Registry, pusher: Pusher) -> None:
    registry.names_missing = False
    pushed = image(data(1), data(2))
    pusher.push(registry, pushed, "v1")
    assert len(registry.asked("HEAD")) == 3
    holds(registry, pushed, "v1")


def test_head_that_lies(registry: Registry, pusher: Pusher) -> None:
    registry.names_missing = False
    registry.fault("HEAD .*/blobs/", say(200), times=1000)
    pushed = image(data(1), data(2))
    result = pusher.push(registry, pushed, "v1")
    assert len(result.uploaded) == 3
    holds(registry, pushed, "v1")


def test_registry_that_takes_any_manifest_is_asked_by_head(registry: Registry, pusher: Pusher) -> None:
    registry.checks = False
    pushed = image(data(1), data(2))
    pusher.push(registry, pushed, "v1")
    assert len(registry.asked("HEAD")) == 3
    holds(registry, pushed, "v1")


def test_registry_that_denies_what_it_took(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1))

    def lose(handler: Handler, seen: Seen) -> None:
        handler.registry.blobs.pop((REPOSITORY, digest_of(data(1))), None)
        handler.behave(seen)

    registry.fault("PUT .*/manifests/", lose, times=1000)
    with pytest.raises(BadAnswer, match="the registry took it, and then says that it is not there"):
        pusher.push(registry, pushed, "v1")
    assert registry.tags() == []


def test_registry_that_keeps_another_manifest(registry: Registry, pusher: Pusher) -> None:
    registry.fault("PUT .*/manifests/v1", say(201, headers={"Docker-Content-Digest": digest_of(b"x")}))
    with pytest.raises(BadAnswer, match="under another digest"):
        pusher.push(registry, image(data(1)), "v1")


def test_tag_that_may_not_change_but_has_the_image(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1))
    pusher.push(registry, pushed, "v1")
    registry.fault("PUT .*/manifests/v1", answer(400, "tag is immutable", code="TAG_INVALID"), times=1000)
    pusher.push(registry, pushed, "v1")
    with pytest.raises(
        RegistryError, match=r"team/app \(v1\): the registry refused \(400, saying \"tag is immutable\"\)"
    ):
        pusher.push(registry, image(data(2)), "v1")


def test_several_tags_come_after_the_blobs(registry: Registry, pusher: Pusher) -> None:
    pusher.push(registry, image(data(1)), "v1", "v2")
    assert registry.asked()[-2:] == [f"PUT /v2/{REPOSITORY}/manifests/v1", f"PUT /v2/{REPOSITORY}/manifests/v2"]


def test_index_comes_after_its_images(registry: Registry, pusher: Pusher) -> None:
    kind = "application/vnd.oci.image.index.v1+json"
    children = (image(data(1), data(2)), image(data(1), data(3)))
    document = {"schemaVersion": 2, "mediaType": kind, "manifests": [{"digest": child.digest} for child in children]}
    pushed = Image(json.dumps(document).encode(), kind, images=children)
    result = pusher.push(registry, pushed, "v1")
    assert registry.manifests[REPOSITORY, "v1"] == pushed.manifest
    for child in children:
        holds(registry, child, child.digest)
    assert len(result.uploaded) == 5  # The layer that both have went once.


def test_images_side_by_side_share_what_they_have_in_common(registry: Registry, pusher: Pusher) -> None:
    images = [image(*LAYERS[:5], data(100 + number)) for number in range(3)]
    targets = [Target(each, Reference(registry.host, REPOSITORY), (f"v{n}",)) for n, each in enumerate(images)]
    result = push(targets, pusher.session(), pusher.receipts)
    assert [reference.digest for reference in result.references] == [each.digest for each in images]
    assert len(result.uploaded) == len(set(result.uploaded)) == 5 + 2 * 3
    for number, each in enumerate(images):
        holds(registry, each, f"v{number}")


def test_one_of_several_fails_and_the_error_is_its_own(registry: Registry, other: Registry, pusher: Pusher) -> None:
    other.fault("PUT .*/manifests/", answer(403, "no"), times=1000)
    targets = [
        Target(image(data(1)), Reference(registry.host, REPOSITORY), ("v1",)),
        Target(image(data(2)), Reference(other.host, REPOSITORY), ("v1",)),
    ]
    with pytest.raises(RegistryError, match=other.host):
        push(targets, pusher.session(), pusher.receipts)
    assert other.tags() == []


def test_blob_is_mounted_from_another_repository(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS[:3])
    pusher.push(registry, pushed, "v1")
    before = len(registry.log)
    result = pusher.push(registry, pushed, "v1", repository="team/second")
    assert len(result.mounted) == 4
    assert result.uploaded == ()
    assert len(registry.log) - before == 1 + 4 + 1
    holds(registry, pushed, "v1", "team/second")


def test_mount_that_is_not_granted_becomes_an_upload(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1))
    pusher.push(registry, pushed, "v1")
    for digest in [digest for repository, digest in registry.blobs if repository == REPOSITORY]:
        del registry.blobs[REPOSITORY, digest]
    result = pusher.push(registry, pushed, "v1", repository="team/second")
    assert len(result.uploaded) == 2
    assert len(registry.asked("POST /v2/team/second")) == 2  # The upload that came of the mount was used.


def test_mount_that_is_forbidden_becomes_an_upload(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1))
    pusher.push(registry, pushed, "v1")

    def forbid(handler: Handler, seen: Seen) -> None:
        (answer(403) if "mount" in seen.query else Handler.behave)(handler, seen)

    registry.fault("POST /v2/team/second", forbid, times=1000)
    assert len(pusher.push(registry, pushed, "v1", repository="team/second").uploaded) == 2


def test_base_layer_in_the_same_registry_is_mounted(registry: Registry, pusher: Pusher) -> None:
    base = data(1, LARGE)
    registry.blobs["bases/python", digest_of(base)] = base
    origin = Reference(registry.host, "bases/python", digest=digest_of(b"base"))
    result = pusher.push(registry, image(base, data(2), base=origin, lacking=(base,)), "v1")
    assert result.mounted == (digest_of(base),)
    assert result.counts.sent < 5000


def test_base_layer_is_copied_from_another_registry(registry: Registry, other: Registry, pusher: Pusher) -> None:
    base = data(1, LARGE)
    other.blobs["bases/python", digest_of(base)] = base
    origin = Reference(other.host, "bases/python")
    pushed = image(base, data(2), base=origin, lacking=(base,))
    pusher.push(registry, pushed, "v1")
    holds(registry, pushed, "v1")
    other.log.clear()
    pusher.push(registry, pushed, "v1")
    assert other.log == []


def test_base_layer_that_is_nowhere(registry: Registry, pusher: Pusher) -> None:
    with pytest.raises(BadContent, match="is neither there nor here"):
        pusher.push(registry, image(data(1), lacking=(data(1),)), "v1")
    assert registry.tags() == []


def test_foreign_layer_is_left_where_it_is(registry: Registry, pusher: Pusher) -> None:
    registry.checks = False
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    pushed = replaced(image(data(1), data(2)), digest_of(data(1)), media_type=kind)
    result = pusher.push(registry, pushed, "v1")
    assert digest_of(data(1)) not in result.uploaded


def test_own_file_that_changed_since(registry: Registry, pusher: Pusher) -> None:
    for size in (2000, LARGE):
        wrong = replaced(image(data(1, size)), digest_of(data(1, size)), content=stream(data(2, size)))
        with pytest.raises(BadContent, match="our own copy of it has another digest"):
            pusher.push(registry, wrong, "v1")
    assert registry.tags() == []
    assert len(registry.blobs) <= 2  # The configs.


def test_own_file_that_is_too_short(registry: Registry, pusher: Pusher) -> None:
    wrong = replaced(image(data(1)), digest_of(data(1)), content=stream(data(1)[:100]))
    with pytest.raises(BadContent, match="shorter than 2000 bytes"):
        pusher.push(registry, wrong, "v1")


def test_manifest_whose_answer_is_lost_is_put_again(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1))
    registry.fault("PUT .*/manifests/v1", do_and_hang_up)
    pusher.push(registry, pushed, "v1")
    holds(registry, pushed, "v1")


def test_empty_blob(registry: Registry, pusher: Pusher) -> None:
    pushed = image(b"", data(1))
    pusher.push(registry, pushed, "v1")
    holds(registry, pushed, "v1")
    assert blob(b"").size == 0


def test_registry_with_other_words_for_a_missing_blob(registry: Registry, pusher: Pusher) -> None:
    pushed = image(*LAYERS[:4])
    pusher.push(registry, pushed, "v1")

    def refuse(handler: Handler, seen: Seen) -> None:
        whole = len(handler.registry.blobs) == len(pushed.blobs)
        (Handler.behave if whole else answer(400, "Requested layers not found", code="LAYERS"))(handler, seen)

    registry.fault("PUT .*/manifests/", refuse, times=1000)
    del registry.blobs[REPOSITORY, digest_of(LAYERS[2])]
    assert pusher.push(registry, pushed, "v1").uploaded == (digest_of(LAYERS[2]),)
    holds(registry, pushed, "v1")


def test_mounted_bytes_are_not_counted_as_sent(registry: Registry, pusher: Pusher) -> None:
    pushed = image(data(1, LARGE))
    pusher.push(registry, pushed, "v1")
    shown = []
    pusher.push(registry, pushed, "v1", repository="team/second", report=shown.append)
    assert (shown[-1].total, shown[-1].blobs_done) == (0, 2)
