from __future__ import annotations

import collections.abc as abc
import dataclasses
import io
import json
import subprocess
import sys
import threading
import types
import typing
from pathlib import Path
from typing import Annotated, Any, ForwardRef, NewType

import pytest

from sematic import entry
from sematic.errors import ArtifactError, DefinitionError
from sematic.types import registry
from sematic.types.base import BinaryType, Buffer, Json
from sematic.types.registry import from_spec, import_class, of, path_of
from sematic.types.tests import samples

P = typing.ParamSpec("P")
LIST: Any = list
DICT: Any = dict


@pytest.mark.parametrize(
    ("annotation", "way_out"),
    [
        (Any, "use object or a concrete type"),
        (list, r"write list\[int\]"),
        (typing.List, r"write list\[int\]"),  # noqa: UP006
        (dict, r"write dict\[str, int\]"),
        (typing.Dict, r"write dict\[str, int\]"),  # noqa: UP006
        (set, "write set"),
        (frozenset, "write frozenset"),
        (tuple, "write tuple"),
        (typing.Tuple, "write tuple"),  # noqa: UP006
        (typing.Union, r"int \| str"),
        (typing.Optional, r"int \| None"),
        (typing.Literal, "Literal"),
        (typing.Callable, "call it in the body"),
        (abc.Callable, "call it in the body"),
        (typing.Callable[[int], str], "call it in the body"),
        (abc.Callable[[int], str], "call it in the body"),
        (types.FunctionType, "call it in the body"),
        (abc.Iterator, "return a list"),
        (typing.Iterator[int], "return a list"),
        (typing.Generator[int, None, None], "return a list"),
        (types.GeneratorType, "return a list"),
        (abc.AsyncIterator[int], "return a list"),
        (typing.Coroutine[Any, Any, int], "await it"),
        (abc.Awaitable[int], "await it"),
        (typing.IO[str], "pathlib.Path"),
        (typing.TextIO, "pathlib.Path"),
        (io.TextIOWrapper, "pathlib.Path"),
        (io.BytesIO, "pathlib.Path"),
        (threading.Lock, "make it in the body"),
        (threading.RLock, "make it in the body"),
        (type(threading.Lock()), "make it in the body"),
        (threading.Thread, "make it in the body"),
        (types.ModuleType, "import it in the body"),
        (samples.T, "concrete type"),
        (P, "concrete type"),
        (samples.Unchecked, "runtime_checkable"),
        (samples.Renamed, "define it under its own name"),
        (typing.NoReturn, "None"),
        (3, "it is no type of values"),
        (typing.ClassVar[int], "no part of a value"),
        (typing.Final[int], "and int elsewhere"),
        (typing.Final, r"Final\[int\]"),
        (dataclasses.InitVar[int], "given to __init__ only"),
        (typing.Never, "None"),
        (typing.Self, "the class itself"),
        (typing.LiteralString, "write str"),
        (abc.Sequence, r"write Sequence\[int\]"),
        (abc.ItemsView[str, int], r"pass list\(value\)"),
        (samples.Generic1[int], "write Generic1"),
        (typing.NamedTuple, "it is no type of values"),
        (memoryview, "bytes"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda a: a, LIST.__class_getitem__, lambda a: DICT[str, a]])
def test_refused_by_name(annotation: Any, way_out: str, wrap: Any) -> None:
    with pytest.raises(DefinitionError, match=f"is not supported: .*{way_out}"):
        of(wrap(annotation))


UserId = NewType("UserId", int)


def test_what_only_type_checkers_see() -> None:
    assert of(Annotated[int, "note"]) is of(int)
    assert of(UserId) is of(int)
    assert of(list[Annotated[UserId, []]]) == of(list[int])


@pytest.mark.parametrize("annotation", ["Node", ForwardRef("Node"), LIST["Node"], DICT[str, "Node"]])
def test_forward_references_come_through(annotation: Any) -> None:
    with pytest.raises(NameError, match="'Node' is not defined yet"):
        of(annotation)


def test_types_are_made_once() -> None:
    assert of(list[int]) is of(list[int])
    assert of(samples.Node).fields["next"].members[0] is of(samples.Node)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (["nonsense"], "is not known here"),
        ([], "is not known here"),
        (["list"], "is not known here"),
        (["path", "Missing"], "is not known here"),
        (["dataclass", "no_such_module:A"], "cannot be imported"),
        (["dataclass", "sematic.types.tests.samples:Missing"], "cannot be imported"),
        (["dataclass", "sematic.types.tests.samples:Color"], "was a dataclass when it was recorded, but is a enum now"),
        (["dataclass", "sematic.types.tests.samples:Bad"], "supported when it was recorded"),
    ],
)
def test_specs_that_mean_nothing_here(spec: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        from_spec(spec)


def test_a_module_that_raises_when_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raises_when_imported.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArtifactError, match="ZeroDivisionError"):
        from_spec(["class", "raises_when_imported:A"])


def test_paths_of_classes() -> None:
    assert path_of(samples.Point) == "sematic.types.tests.samples:Point"
    assert import_class(path_of(samples.Point)) is samples.Point


class Stars:
    def __init__(self, count: int) -> None:
        self.count = count


class StarsType(BinaryType):
    codec = "stars"

    def accepts(self, source: Any) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return value

    def to_chunks(self, value: Stars) -> list[Buffer]:
        return [b"*" * value.count]

    def from_buffer(self, buffer: Buffer) -> Stars:
        return Stars(len(buffer))

    def summarise(self, value: Stars) -> Json:
        return value.count


def test_a_family_may_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    from sematic.types.tests.helpers import round_trip

    assert of(Stars).codec == "pickle"
    monkeypatch.setattr(registry, "_matchers", list(registry._matchers))
    monkeypatch.setattr(registry, "_rows", dict(registry._rows))
    stars = StarsType(["stars"], "Stars")
    registry.register(lambda annotation: stars if annotation is Stars else None, {"stars": lambda spec: stars})
    assert of(list[Stars]).name == "list[Stars]"
    assert round_trip(list[Stars], [Stars(3)])[0].count == 3
    assert round_trip(dict[str, Stars], {"a": Stars(4)})["a"].count == 4


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    root = str(Path(registry.__file__).parents[2])
    path = ":".join([root, *filter(None, [environment.pop("PYTHONPATH", "")]), *sys.path[1:]])
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env={"PYTHONPATH": path, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_is_light(tmp_path: Path) -> None:
    heavy = "{'numpy', 'cloudpickle', 'pickle', 'zoneinfo', 'asyncio', 'logging', 'decimal', 'fractions', 'uuid'}"
    assert run("-c", f"import sys, sematic.types; print({heavy} & set(sys.modules))", cwd=tmp_path) == "set()"


def test_families_are_imported_when_they_are_needed(tmp_path: Path) -> None:
    """Of the many, only those of the annotations that a program has, and none of a library that it has not."""
    program = (
        "import sys, sematic, enum, collections\n"
        "from sematic.types.registry import of, from_spec\n"
        "known = set(sys.modules)\n"
        "of(list[collections.deque[int]]); from_spec(['date'])\n"
        "print(sorted(name for name in set(sys.modules) - known if name.startswith('sematic')))"
    )
    assert run("-c", program, cwd=tmp_path) == "['sematic.types.datetimes', 'sematic.types.deques']"


FAMILY = """
from shop import Order
from sematic.types.fallback import PickleType
from sematic.types.registry import register

class OrderType(PickleType):
    codec = "order"

register(lambda each: OrderType(Order, "shop:Order") if each is Order else None, {"order": lambda spec: None})
"""


def test_the_family_of_a_library_is_imported_once_the_library_is(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("class Order: pass")
    (tmp_path / "orders.py").write_text(FAMILY)
    program = (
        "import sys\n"
        "from sematic.types.registry import of, optional\n"
        "optional('shop', 'orders', 'order')\n"
        "of(int); assert 'orders' not in sys.modules\n"
        "import shop; print(of(list[shop.Order]).element.codec, 'orders' in sys.modules)"
    )
    assert run("-c", program, cwd=tmp_path) == "order True"


SCRIPT = """
import sys
from dataclasses import dataclass
from sematic import entry
from sematic.types.artifact import encode, load, restore, MemoryStore
from sematic.types.registry import of, import_class

@dataclass
class Config:
    a: int

class Custom:
    pass

if __name__ == "__main__":
    name = entry.main_module_name()
    assert of(Config).spec == ["dataclass", name + ":Config"], of(Config).spec
    assert import_class(name + ":Config") is Config
    for value in (Config(1), Custom(), [Custom(), Config]):
        kind = of(type(value)) if not isinstance(value, list) else of(object)
        artifact = encode(kind, value, MemoryStore())
        blob = artifact.blob
        again = restore(artifact.spec, artifact.codec, blob.digest, blob.size, blob.data, None)
        assert type(load(again, MemoryStore())) is type(value)
    assert entry.real_module("other") == "other"
    print(name, artifact.blob.data.hex())
"""


def test_the_entry_module_goes_by_its_real_name(tmp_path: Path) -> None:
    folder = tmp_path / "examples" / "digits"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(SCRIPT)
    (folder / "__main__.py").write_text(SCRIPT)
    (tmp_path / "with-dash").mkdir()
    (tmp_path / "with-dash" / "main.py").write_text(SCRIPT)

    def name(*arguments: str, **environment: str) -> str:
        return run(*arguments, cwd=tmp_path, **environment).split()[0]

    assert name("examples/digits/main.py") == "main"
    assert name("examples/digits/main.py", PYTHONPATH=str(tmp_path)) == "examples.digits.main"
    assert name("with-dash/main.py", PYTHONPATH=str(tmp_path)) == "main"
    assert name("-m", "examples.digits.main") == "examples.digits.main"
    assert name("-m", "examples.digits") == "examples.digits.__main__"
    console = "from sematic import entry; print(entry.main_module_name(), entry.real_module('__main__'))"
    assert run("-c", console, cwd=tmp_path) == "__main__ __main__"
    assert entry.real_module("json") == "json"


def test_what_one_entry_module_pickled_another_program_reads(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SCRIPT)
    pickled = run("job.py", cwd=tmp_path).split()[1]
    reader = f"import job, pickle; print(type(pickle.loads(bytes.fromhex('{pickled}'))[0]) is job.Custom)"
    assert run("-c", reader, cwd=tmp_path, PYTHONPATH=str(tmp_path)) == "True"


def test_specs_survive_json() -> None:
    for annotation in (samples.Node, samples.Pair, samples.Color, samples.Custom, object, samples.Sized):
        assert from_spec(json.loads(json.dumps(of(annotation).spec))) is of(annotation)
