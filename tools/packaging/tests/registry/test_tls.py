"""TLS: whose certificates are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_tools.registry.credentials import Credentials
from image_tools.registry.errors import CertificateRefused
from image_tools.registry.security import Security
from tools.packaging.tests.registry.pushing import LARGE, Pusher, data, holds, image
from tools.packaging.tests.registry.scripted import Login, Registry, answer, hang_up_after
from tools.testing.certificates import Certificate, authority, signed

IMAGE = image(data(1, LARGE), data(2))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(ours: Certificate, tmp_path: Path) -> Iterator[Registry]:
    made = Registry(signed(tmp_path, ours, "server").context())
    yield made
    made.close()


def test_authority_is_named(secure: Registry, pusher: Pusher, ours: Certificate) -> None:
    pusher.security = Security(ca=ours.certificate)
    result = pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")
    assert result.counts.sent == secure.received  # Of HTTP, not of TLS.


def test_broken_upload_goes_on_under_tls(secure: Registry, pusher: Pusher, ours: Certificate) -> None:
    pusher.security = Security(ca=ours.certificate)
    secure.fault("PATCH", hang_up_after(1_000_000))
    pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")
    assert len(secure.asked("PATCH")) == 2


def test_authority_in_a_folder_of_the_registrys_name(
    secure: Registry, pusher: Pusher, ours: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "containers/certs.d" / secure.host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(ours.certificate.read_bytes())
    pusher.security = Security()
    pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")


def test_unknown_authority(secure: Registry, pusher: Pusher) -> None:
    pusher.security = Security()
    with pytest.raises(CertificateRefused, match=f"{secure.host} has a certificate that is not trusted here .*--ca"):
        pusher.push(secure, IMAGE, "v1")
    assert pusher.waits == []
    assert secure.log == []


def test_certificate_of_another_host(pusher: Pusher, ours: Certificate, tmp_path: Path) -> None:
    made = Registry(signed(tmp_path, ours, "other", "DNS:elsewhere.test").context())
    pusher.security = Security(ca=ours.certificate)
    with pytest.raises(CertificateRefused, match="IP address mismatch"):
        pusher.push(made, IMAGE, "v1")
    made.close()


def test_unverified_when_asked(secure: Registry, pusher: Pusher) -> None:
    pusher.security = Security("unverified")
    pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_authority_that_cannot_be_read(secure: Registry, pusher: Pusher, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    pusher.security = Security(ca=path)
    with pytest.raises(CertificateRefused, match="ca.pem cannot be read as a PEM certificate"):
        pusher.push(secure, IMAGE, "v1")


def test_registry_that_takes_itself_for_plain_http(secure: Registry, pusher: Pusher, ours: Certificate) -> None:
    pusher.security = Security(ca=ours.certificate)
    secure.uploads_at = f"http://{secure.host}"  # As behind a proxy that ends TLS and does not say so.
    pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")


def test_uploads_are_not_sent_on_without_tls(
    secure: Registry, registry: Registry, pusher: Pusher, ours: Certificate
) -> None:
    pusher.security = Security(ca=ours.certificate)
    secure.uploads_at = registry.url.replace("127.0.0.1", "localhost")
    with pytest.raises(Exception, match="without TLS: refused"):
        pusher.push(secure, IMAGE, "v1")
    assert registry.log == []


def test_token_service_without_tls_gets_no_credential(
    secure: Registry, registry: Registry, pusher: Pusher, ours: Certificate
) -> None:
    pusher.security = Security(ca=ours.certificate)
    secure.login = Login("bearer", password="secret", realm=f"{registry.url}/token")
    pusher.credentials[secure.host] = Credentials("a file", "tester", "secret")
    with pytest.raises(Exception, match="over plain HTTP: no credential is sent there"):
        pusher.push(secure, IMAGE, "v1")
    assert registry.log == []


def test_failures_under_tls_are_waited_out(secure: Registry, pusher: Pusher, ours: Certificate) -> None:
    pusher.security = Security(ca=ours.certificate)
    secure.fault("PATCH", answer(503), times=2)
    pusher.push(secure, IMAGE, "v1")
    holds(secure, IMAGE, "v1")
