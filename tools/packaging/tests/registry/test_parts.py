"""References, receipts, progress, layouts, the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from image_tools.registry import __main__ as cli
from image_tools.registry import layout, progress, proxies
from image_tools.registry.connection import Counts
from image_tools.registry.content import from_file, from_stream
from image_tools.registry.errors import BadContent, BadImage, BadReference
from image_tools.registry.image import Image, digest_of
from image_tools.registry.progress import Line, Lines, Progress, Snapshot
from image_tools.registry.receipts import Receipt, Receipts
from image_tools.registry.reference import Reference, parse
from tools.packaging.tests.registry.layouts import index, keep, save, write
from tools.packaging.tests.registry.pushing import Pusher, data, holds, image
from tools.packaging.tests.registry.scripted import Registry

DIGEST = digest_of(b"")


# References


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reg.test/a", Reference("reg.test", "a")),
        ("localhost/a", Reference("localhost", "a")),
        ("localhost:5000/x", Reference("localhost:5000", "x")),
        ("127.0.0.1:5000/a/b_c/d--e:V1.0-x", Reference("127.0.0.1:5000", "a/b_c/d--e", "V1.0-x")),
        ("[::1]:5000/a", Reference("[::1]:5000", "a")),
        ("UPPER/a", Reference("UPPER", "a")),
        (f"reg.test/a@{DIGEST}", Reference("reg.test", "a", None, DIGEST)),
        (f"reg.test/a:b@{DIGEST}", Reference("reg.test", "a", "b", DIGEST)),
        ("python", Reference("docker.io", "library/python")),
        ("me/app:1", Reference("docker.io", "me/app", "1")),
        ("docker.io/python", Reference("docker.io", "library/python")),
        ("index.docker.io/me/app", Reference("docker.io", "me/app")),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert parse(text) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "repository"),
        ("reg.test/", "repository"),
        ("reg.test/A", "repository"),
        ("reg.test/a//b", "repository"),
        ("reg.test/a/", "repository"),
        ("reg.test/-a", "repository"),
        ("reg.test/a..b", "repository"),
        ("reg.test/a___b", "repository"),
        ("reg.test/a b", "repository"),
        ("reg.test/a\n", "repository"),
        ("reg.test/" + "a" * 256, "longer than 255"),
        ("reg.test/a:", "tag"),
        ("reg.test/a:-x", "tag"),
        ("reg.test/a:" + "x" * 129, "tag"),
        ("reg.test/a:x\n", "tag"),
        ("reg.test/a@sha256:12", "digest"),
        ("reg.test/a@", "digest"),
        (f"reg.test/a@{DIGEST.upper()}", "digest"),
        ("https://reg.test/a", "registry"),
        ("reg.test:x/a", "registry"),
        ("reg.test:99999/a", "registry"),
        ("user:pass@reg.test/a", "digest"),
        ("-reg.test/a", "registry"),
        ("reg..test/a", "registry"),
    ],
)
def test_no_references(text: str, part: str) -> None:
    with pytest.raises(BadReference, match=part):
        parse(text)


# Receipts


def receipt(folder: Path, clock: list[float], checks: bool = True) -> Receipt:
    made = Receipt(folder / "r.json", "reg.test", "a", lambda: clock[0])
    made.checks = made.checks or checks
    return made


def test_receipt_remembers(tmp_path: Path) -> None:
    first = receipt(tmp_path, [1000.0])
    first.add([DIGEST])
    first.save()
    again = receipt(tmp_path, [9e9], checks=False)
    assert again.checks
    assert again.holds(DIGEST)
    again.remove([DIGEST])
    again.save()
    assert not receipt(tmp_path, [1000.0]).holds(DIGEST)


def test_receipt_of_a_registry_that_may_not_check_is_good_for_an_hour(tmp_path: Path) -> None:
    clock = [1000.0]
    made = receipt(tmp_path, clock, checks=False)
    made.add([DIGEST])
    assert made.holds(DIGEST)
    clock[0] += 3600
    assert not made.holds(DIGEST)


def test_two_pushes_at_once_keep_both_receipts(tmp_path: Path) -> None:
    other = digest_of(b"other")
    one, two = receipt(tmp_path, [1.0]), receipt(tmp_path, [1.0])
    one.add([DIGEST])
    two.add([other])
    one.save()
    two.save()
    assert receipt(tmp_path, [1.0]).holds(DIGEST)
    assert receipt(tmp_path, [1.0]).holds(other)
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": 9}', '{"version": 1, "registry": "else", "repository": "a", "blobs": {}}', "\xff"]
    + [
        json.dumps({"version": 1, "registry": "reg.test", "repository": "a", "blobs": blobs})
        for blobs in (1, {DIGEST: ""})
    ],
)
def test_receipt_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text, encoding="latin-1")
    made = receipt(tmp_path, [1.0])
    assert not made.holds(DIGEST)
    made.add([DIGEST])
    made.save()
    assert receipt(tmp_path, [1.0]).holds(DIGEST)


def test_receipt_that_cannot_be_written_is_no_error(tmp_path: Path, registry: Registry, pusher: Pusher) -> None:
    pusher.receipts.write_text("a file where the folder should be")
    pusher.push(registry, image(data(1)), "v1")
    holds(registry, image(data(1)), "v1")


def test_receipts_stay_small(tmp_path: Path) -> None:
    clock = [0.0]
    made = receipt(tmp_path, clock)
    for number in range(5100):
        clock[0] = number
        made.add([digest_of(str(number).encode())])
    made.save()
    again = receipt(tmp_path, clock)
    assert again.holds(digest_of(b"5099"))
    assert not again.holds(digest_of(b"99"))


def test_holders(tmp_path: Path) -> None:
    receipts = Receipts(tmp_path)
    for registry, repository in (("reg.test", "a"), ("reg.test", "b"), ("else.test", "c")):
        made = receipts.of(registry, repository)
        made.add([DIGEST])
        made.save()
    assert sorted(receipts.holders("reg.test", DIGEST)) == ["a", "b"]
    assert Receipts(None).holders("reg.test", DIGEST) == []


# Progress


def test_progress_tells_rate_and_remaining_time() -> None:
    clock = [0.0]
    made = Progress(lambda: clock[0])
    assert made.snapshot().remaining_seconds is None
    made.expect("a", 30_000_000)
    made.expect("b", 100)
    for second in range(1, 11):
        clock[0] = second
        made.at("a", second * 1_000_000)
        shown = made.snapshot()
    made.finish("b")
    assert shown.rate == pytest.approx(1_000_000)
    assert progress.text(shown) == "pushing: 10 MB of 30 MB, 0 of 2 blobs, 1.0 MB/s, 20 s left"
    assert made.snapshot().blobs_done == 1


def test_progress_that_goes_back_has_no_negative_rate() -> None:
    clock = [0.0]
    made = Progress(lambda: clock[0])
    made.expect("a", 100)
    made.at("a", 90)
    made.snapshot()
    clock[0] = 1
    made.at("a", 0)
    assert made.snapshot().rate == 0


def test_line_on_a_terminal_is_written_over() -> None:
    out = io.StringIO()
    line = Line(out)
    line.show(Snapshot(0, 0, 0, 0, 0))
    line.show(Snapshot(5, 10, 0, 1, 0))
    line.show(Snapshot(10, 10, 1, 1, 1.0))
    line.end()
    assert [part.rstrip() for part in out.getvalue().split("\r")] == [
        "",
        "pushing: 5 B of 10 B, 0 of 1 blobs",
        "pushing: 10 B of 10 B, 1 of 1 blobs, 1 B/s, 0 s left",
    ]


def test_lines_in_a_log_are_few() -> None:
    out, clock = io.StringIO(), [0.0]
    lines = Lines(out, every=5, clock=lambda: clock[0])
    for second in range(12):
        clock[0] = second
        lines.show(Snapshot(second, 12, 0, 1, 1))
    lines.end()
    assert len(out.getvalue().splitlines()) == 2


def test_sizes_and_durations() -> None:
    assert [progress.size(count) for count in (0, 999, 1500, 15_000, 2.5e9)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "15 kB",
        "2.5 GB",
    ]
    assert [progress.duration(seconds) for seconds in (0.4, 99, 100, 3600)] == [
        "0 s",
        "99 s",
        "1 min 40 s",
        "60 min 0 s",
    ]


def test_push_reports(registry: Registry, pusher: Pusher) -> None:
    seen: list[Snapshot] = []
    pusher.push(registry, image(data(1)), "v1", report=seen.append)
    assert seen[-1] == Snapshot(seen[-1].total, seen[-1].total, 2, 2, seen[-1].rate)


# Layouts and the command line


def test_layout_is_pushed(registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "layout", data(1), data(2))
    receipts = str(tmp_path / "receipts")
    arguments = [
        str(folder),
        f"{registry.host}/team/app:v1",
        "--insecure",
        "http",
        "--receipts",
        receipts,
        "--tag",
        "v2",
    ]
    assert cli.main(arguments) == 0
    pushed = image(data(1), data(2))
    holds(registry, pushed, "v1")
    holds(registry, pushed, "v2")
    shown = capsys.readouterr()
    assert shown.out == f"{registry.host}/team/app@{pushed.digest}\n"
    assert "3 blobs uploaded, 0 mounted, 9 requests and 0 to log in" in shown.err


def test_layout_with_an_index(registry: Registry, tmp_path: Path) -> None:
    children = (image(data(1)), image(data(2)))
    folder = save(tmp_path / "layout", *children)
    kind = "application/vnd.oci.image.index.v1+json"
    entries = [{"digest": c.digest, "size": len(c.manifest), "mediaType": c.media_type} for c in children]
    whole = Image(json.dumps({"mediaType": kind, "manifests": entries}).encode(), kind)
    keep(folder, whole.manifest)
    index(folder, [{"digest": whole.digest, "size": len(whole.manifest), "mediaType": kind}])
    loaded = layout.load(folder)
    assert loaded.digest == whole.digest
    assert [child.digest for child in loaded.images] == [child.digest for child in children]


def test_layout_with_several_images(tmp_path: Path) -> None:
    one, two = image(data(1)), image(data(2))
    folder = save(tmp_path / "layout", one, two)
    with pytest.raises(BadImage, match="holds 2 such images where one is needed"):
        layout.load(folder)
    assert layout.load(folder, two.digest).digest == two.digest


def break_index(folder: Path, text: str) -> None:
    (folder / "index.json").write_text(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{}", "lists no manifests"),
        ('{"manifests": []}', "holds 0 such images"),
        ('{"manifests": [1]}', "no descriptor"),
        ('{"manifests": [{"digest": "../../etc/passwd", "size": 1, "mediaType": "x"}]}', "no descriptor"),
        (json.dumps({"manifests": [{"digest": DIGEST, "size": 1, "mediaType": "x"}]}), "lacks the manifest"),
    ],
)
def test_no_layout(tmp_path: Path, text: str, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "layout", data(1))
    break_index(folder, text)
    assert cli.main([str(folder), "reg.test/a"]) == 1
    assert error in capsys.readouterr().err


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadImage, match="is no OCI image layout"):
        layout.load(tmp_path)


def test_manifest_that_was_changed(tmp_path: Path) -> None:
    folder = write(tmp_path / "layout", data(1))
    (folder / "blobs/sha256" / image(data(1)).digest[7:]).write_bytes(b"{}")
    with pytest.raises(BadImage, match="has another digest"):
        layout.load(folder)


# Content


def test_file_from_an_offset(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    assert from_file(tmp_path / "x")(4).read(3) == b"456"
    with pytest.raises(BadContent, match="cannot be read"):
        from_file(tmp_path / "y")(0)


def test_stream_from_an_offset() -> None:
    assert from_stream(lambda: io.BytesIO(b"0123456789"))(4).read(3) == b"456"
    assert from_stream(lambda: io.BytesIO(b"01"))(4).read(3) == b""


# Proxies


def test_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    assert proxies.find("https://reg.test/v2/") is None
    monkeypatch.setenv("https_proxy", "http://me:s%20t@proxy.test:3128")
    monkeypatch.setenv("no_proxy", "inside.test")
    found = proxies.find("https://reg.test/v2/")
    assert found is not None
    assert (found.host, found.port) == ("proxy.test", 3128)
    assert found.headers == {"Proxy-Authorization": "Basic bWU6cyB0"}
    assert "bWU6cyB0" not in repr(found)
    for url in (
        "http://reg.test/",
        "https://inside.test/",
        "https://127.0.0.1:5000/",
        "https://localhost/",
        "https://[::1]/",
    ):
        assert proxies.find(url) is None


def test_plain_requests_go_by_the_proxy(registry: Registry, pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", registry.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    import threading

    from image_tools.registry.connection import Request
    from image_tools.registry.security import Security
    from image_tools.registry.transport import Transport

    transport = Transport(Security("http"), Counts(), threading.Event())
    transport.exchange(Request("GET", "http://reg.test/v2/x?y=1", "asked"))
    assert registry.log[0].headers["Host"] == "reg.test"
    transport.close()
