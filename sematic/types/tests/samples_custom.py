"""Classes that are registered with codecs of their own, for the tests."""

from __future__ import annotations

from typing import Any

from sematic.types.custom import register_type


class Molecule:
    def __init__(self, formula: str) -> None:
        self.formula = formula

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Molecule) and other.formula == self.formula

    def __hash__(self) -> int:
        return hash(self.formula)


class Heavy(Molecule):
    pass


@register_type(Molecule)
class MoleculeCodec:
    @staticmethod
    def encode(molecule: Molecule) -> bytes:
        return molecule.formula.encode()

    @staticmethod
    def decode(data: bytes) -> Molecule:
        return Molecule(data.decode())


class Angle:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


@register_type(Angle)
class AngleCodec:
    @staticmethod
    def encode(angle: Angle) -> bytes:
        return repr(angle.degrees).encode()

    @staticmethod
    def decode(data: bytes) -> Angle:
        return Angle(float(data))

    @staticmethod
    def convert(value: Any) -> Angle:
        return value if isinstance(value, Angle) else Angle(float(value))

    @staticmethod
    def summarise(angle: Angle) -> Any:
        return {"degrees": angle.degrees}


class Broken:
    """Its codec does what a codec must not."""


@register_type(Broken)
class BrokenCodec:
    what = "raise"

    @classmethod
    def encode(cls, value: Broken) -> Any:
        return {"raise": lambda: 1 / 0, "text": lambda: "text"}[cls.what]()

    @staticmethod
    def decode(data: bytes) -> Any:
        return 3

    @staticmethod
    def summarise(value: Broken) -> Any:
        raise RuntimeError("no")


class Early:
    """Seen in an annotation before anything is registered for it."""
