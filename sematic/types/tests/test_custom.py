"""Types that a user registered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sematic
from sematic.errors import ArtifactError, ConversionError, DefinitionError, EncodingError
from sematic.types.artifact import MemoryStore, encode
from sematic.types.custom import register_type
from sematic.types.registry import flows, from_spec, of
from sematic.types.tests import samples_custom as samples
from sematic.types.tests.helpers import DictStore, loaded, round_trip, stored
from sematic.types.tests.samples_custom import Angle, Broken, BrokenCodec, Heavy, Molecule, MoleculeCodec


def test_round_trip() -> None:
    assert round_trip(Molecule, Molecule("H2O")) == Molecule("H2O")
    assert round_trip(dict[Molecule, list[Molecule]], {Molecule("a"): [Molecule("b" * 9000)]})[Molecule("a")]
    kind = of(Molecule)
    assert kind.codec == "custom"
    assert kind.spec == [
        "custom",
        *(f"sematic.types.tests.samples_custom:{name}" for name in ("Molecule", "MoleculeCodec")),
    ]
    assert from_spec(json.loads(json.dumps(kind.spec))) is kind
    assert flows(kind, of(object))
    assert not flows(of(object), kind)


def test_by_default_only_the_class_itself_is_taken() -> None:
    for value in (Heavy("Pb"), "H2O", None):
        with pytest.raises(ConversionError, match="expected Molecule, got"):
            of(Molecule).convert(value)


def test_a_codec_may_convert_and_summarise() -> None:
    assert of(Angle).convert("45").degrees == 45.0
    with pytest.raises(ConversionError, match=r"expected Angle, got str 'x' \(ValueError: could not convert"):
        of(Angle).convert("x")
    assert encode(of(Angle), Angle(9.0), MemoryStore()).summary == {"degrees": 9.0}
    assert encode(of(Molecule), Molecule("a"), MemoryStore()).summary == {"repr": "object"}


def test_a_codec_that_does_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncodingError, match="BrokenCodec.encode raised ZeroDivisionError"):
        encode(of(Broken), Broken(), MemoryStore())
    monkeypatch.setattr(BrokenCodec, "what", "text")
    with pytest.raises(EncodingError, match="BrokenCodec.encode returned str 'text', where bytes are needed"):
        encode(of(Broken), Broken(), MemoryStore())
    with pytest.raises(ArtifactError, match="BrokenCodec.decode returned int 3, which is no Broken"):
        loaded(Broken, b"", "custom")


def test_what_cannot_be_registered() -> None:
    with pytest.raises(DefinitionError, match="int cannot be registered"):
        register_type(int)(MoleculeCodec)
    with pytest.raises(DefinitionError, match="Early has no method encode"):
        register_type(Molecule)(samples.Early)  # type: ignore[type-var]
    with pytest.raises(DefinitionError, match=r"Molecule is registered already, by .*:MoleculeCodec"):
        register_type(Molecule)(samples.AngleCodec)
    of(list[samples.Early])
    with pytest.raises(DefinitionError, match=r"Early cannot be registered any more: it is in an annotation"):
        register_type(samples.Early)(MoleculeCodec)
    register_type(Molecule)(MoleculeCodec)  # a module that is loaded again


def test_another_process_needs_only_the_bytes(tmp_path: Path) -> None:
    store = DictStore()
    artifact = stored(list[Molecule], [Molecule("H2O")], store)
    (tmp_path / "payload").write_bytes(store.blobs[artifact.blob.digest])
    root = str(Path(sematic.__file__).parents[1])
    program = (
        f"import sys, hashlib; sys.path[:0] = {[root, *sys.path]!r}\n"
        "from sematic.types.artifact import restore, load, MemoryStore\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        f"a = restore({artifact.spec!r}, 'composite', hashlib.sha256(data).hexdigest(), len(data), data, None)\n"
        "print(load(a, MemoryStore())[0].formula)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "payload")]
    assert subprocess.check_output(command, text=True).strip() == "H2O"


def test_a_codec_that_is_gone() -> None:
    spec: Any = ["custom", of(Molecule).spec[1], of(Angle).spec[2]]
    with pytest.raises(ArtifactError, match="which is not registered for it any more"):
        from_spec(spec)
