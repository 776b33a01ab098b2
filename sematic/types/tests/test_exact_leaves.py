"""Decimal, Fraction, UUID, addresses, zones, ranges and patterns."""

from __future__ import annotations

import datetime
import decimal
import io
import ipaddress
import re
import uuid
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from sematic.errors import ArtifactError, ConversionError
from sematic.types.registry import flows, of
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored

UTC = datetime.UTC
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        *((Decimal, Decimal(text)) for text in ("1.10", "-0", "0E+30", "NaN123", "-sNaN7", "-Infinity", "1E-999999")),
        (Decimal, Decimal(1 << 20000)),
        (Fraction, Fraction(1, 3)),
        (Fraction, Fraction(-(10**3000), 7)),
        (uuid.UUID, uuid.UUID(int=5)),
        (ipaddress.IPv4Address, ipaddress.IPv4Address("1.2.3.4")),
        (ipaddress.IPv6Address, ipaddress.IPv6Address("fe80::1%eth0")),
        (ipaddress.IPv4Network, ipaddress.IPv4Network("10.0.0.0/8")),
        (ipaddress.IPv6Network, ipaddress.IPv6Network("fe80::/10")),
        (ipaddress.IPv4Interface, ipaddress.IPv4Interface("10.0.0.1/8")),
        (range, range(3, 1 << 3000, 2)),
        (slice, slice(None, 3, -1)),
        (datetime.timezone, UTC),
        (datetime.timezone, datetime.timezone(datetime.timedelta(hours=-3, seconds=1), "odd")),
        (zoneinfo.ZoneInfo, BERLIN),
        (datetime.tzinfo, BERLIN),
        (datetime.tzinfo, UTC),
        (re.Pattern, re.compile("a+", re.IGNORECASE)),
        (re.Pattern[str], re.compile("\ud83d\ude00|ä")),
        (re.Pattern[bytes], re.compile(b"\xff+")),
        (re.Pattern, re.compile(b"a")),
        (bytearray, bytearray(b"abc" * 3000)),
    ],
)
def test_round_trip(annotation: Any, value: Any) -> None:
    result = round_trip(annotation, value)
    assert type(result) is type(value)
    assert repr(result) == repr(value)
    if not (isinstance(value, Decimal) and value.is_nan()):
        assert result == value


class MyDecimal(Decimal):
    def __str__(self) -> str:
        return "7"


class MyUUID(uuid.UUID):
    def __str__(self) -> str:
        return "lie"


class MyBytearray(bytearray):
    pass


class MyZone(datetime.tzinfo):
    pass


class Liar:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return Decimal


def test_a_subclass_becomes_its_base() -> None:
    result = of(Decimal).convert(MyDecimal("1.50"))
    assert type(result) is Decimal
    assert str(result) == "1.50"
    found = of(uuid.UUID).convert(MyUUID(int=3))
    assert type(found) is uuid.UUID
    assert found == uuid.UUID(int=3)
    assert type(of(bytearray).convert(MyBytearray(b"a"))) is bytearray


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (Decimal, 1.0, ""),
        (Decimal, "1.0", ""),
        (Decimal, 1, ""),
        (Decimal, Liar(), ""),
        (Fraction, 1, ""),
        (ipaddress.IPv4Address, ipaddress.IPv4Interface("10.0.0.1/8"), ""),
        (range, [1], ""),
        (slice, slice("a", None), "only numbers"),
        (datetime.tzinfo, MyZone(), "write zoneinfo.ZoneInfo"),
        (datetime.timezone, BERLIN, ""),
        (re.Pattern[str], re.compile(b"a"), "pattern of bytes"),
        (re.Pattern, "a", ""),
        (bytearray, b"a", ""),
        (bytes, bytearray(b"a"), ""),
    ],
)
def test_refuses(annotation: Any, value: Any, reason: str) -> None:
    with pytest.raises(ConversionError, match=f"expected .*, got .*{reason}"):
        of(annotation).convert(value)


def test_a_zone_without_a_name_is_refused() -> None:
    data = next(iter(zoneinfo.TZPATH))
    with open(f"{data}/Europe/Paris", "rb") as file:
        nameless = zoneinfo.ZoneInfo.from_file(io.BytesIO(file.read()))
    with pytest.raises(ConversionError, match="no name that another machine knows"):
        of(zoneinfo.ZoneInfo).convert(nameless)


def test_a_decimal_does_not_depend_on_the_context() -> None:
    value = Decimal("1.23456789E+40")
    before = stored(Decimal, value, DictStore()).id
    with decimal.localcontext() as context:
        context.capitals, context.prec = 0, 3
        assert stored(Decimal, value, DictStore()).id == before
        assert round_trip(Decimal, value).as_tuple() == value.as_tuple()


@pytest.mark.parametrize("annotation", [Decimal, Fraction, uuid.UUID, range, slice, datetime.timezone, re.Pattern])
@pytest.mark.parametrize("payload", [b"1", b'"x"', b"{}", b"[[]]", b'["a","b"]', b"[1,0]", b"[0,[null,1]]", b"true"])
def test_corrupt_payloads(annotation: Any, payload: bytes) -> None:
    try:
        result = loaded(annotation, payload)
    except ArtifactError:
        return
    assert of(annotation).convert(result) is result


def test_a_zone_that_this_machine_lacks() -> None:
    with pytest.raises(ArtifactError, match="No time zone found"):
        loaded(zoneinfo.ZoneInfo, b'"Mars/Olympus"')


def test_flows() -> None:
    assert flows(of(zoneinfo.ZoneInfo), of(datetime.tzinfo))
    assert flows(of(datetime.timezone), of(datetime.tzinfo))
    assert not flows(of(datetime.tzinfo), of(datetime.timezone))
    assert not flows(of(int), of(Decimal))


def test_each_consumer_has_its_own_bytearray() -> None:
    store = DictStore()
    artifact = stored(bytearray, bytearray(b"abc"), store)
    from sematic.types.artifact import load

    first = load(artifact, store)
    first.append(1)
    assert load(artifact, store) == bytearray(b"abc")
