"""Reads what .bzl files say about themselves. Starlark is near enough to Python for Python's own parser."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ARGUMENT = re.compile(r"  (\*{0,2}\w+): (.*)")
_KINDS = {"rule": "rule", "module_extension": "extension", "tag_class": "tag"}


@dataclass(frozen=True)
class Argument:
    """Of a macro, a rule or a tag. `default` is as the source has it; None for one that must be given."""

    name: str
    default: str | None
    doc: str
    type: str = ""


@dataclass(frozen=True)
class Symbol:
    """Something that a .bzl file defines: a macro, rule, extension or tag. An extension has `tags` for arguments."""

    name: str
    kind: str
    doc: str
    arguments: tuple[Argument, ...] = ()
    tags: tuple[Symbol, ...] = ()


@dataclass(frozen=True)
class Flag:
    """A build setting of a BUILD file."""

    name: str
    kind: str
    doc: str


class Undocumented(ValueError):
    """A public symbol, or an argument of one, about which nothing is said."""


class Module:
    """A .bzl file, with the modules of the same repository that it loads."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root
        self._tree = ast.parse(path.read_text(), str(path))
        self._assigned = {
            target.id: statement.value
            for statement in self._tree.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }

    def public(self) -> list[Symbol]:
        """What the file offers to those who load it, in alphabetical order."""
        functions = [node.name for node in self._tree.body if isinstance(node, ast.FunctionDef)]
        return [self.symbol(name) for name in sorted([*functions, *self._assigned]) if not name.startswith("_")]

    def symbol(self, name: str, called: str = "") -> Symbol:
        """What `name` is, also when it only stands for what another file defines."""
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return _macro(node)
        if name in self._assigned:
            return self._assigned_symbol(self._assigned[name], called or name)
        label, original = self._loads()[name]
        return Module(self._file(label), self._root).symbol(original, called or original)

    def _assigned_symbol(self, value: ast.expr, called: str) -> Symbol:
        if isinstance(value, ast.Name):
            return self.symbol(value.id, called)
        if not (isinstance(value, ast.Call) and _name(value.func) in _KINDS):
            raise Undocumented(f"{self._path}: {called} is no macro, rule or extension: it cannot be public.")
        doc = _text(_keyword(value, "doc"))
        if not doc:
            raise Undocumented(f"{self._path}: {called} has no doc.")
        tags = [self._assigned_symbol(tag, name) for name, tag in self._items(_keyword(value, "tag_classes"))]
        arguments = [_attribute(called, name, attribute) for name, attribute in self._items(_keyword(value, "attrs"))]
        return Symbol(
            called, _KINDS[_name(value.func)], _dedented(doc), tuple(sorted(arguments, key=_order)), tuple(tags)
        )

    def _items(self, value: ast.expr | None) -> Iterator[tuple[str, ast.expr]]:
        """The public keys and the values of a dict, whichever way the file puts it together."""
        if isinstance(value, ast.Name):
            yield from self._items(self._assigned.get(value.id))
        elif isinstance(value, ast.BinOp):
            yield from self._items(value.left)
            yield from self._items(value.right)
        elif isinstance(value, ast.Call):
            for argument in value.args:
                yield from self._items(argument)
            yield from ((word.arg, word.value) for word in value.keywords if word.arg and not word.arg.startswith("_"))
        elif isinstance(value, ast.Dict):
            pairs = [(_text(key), item) for key, item in zip(value.keys, value.values)]
            yield from (pair for pair in pairs if not pair[0].startswith("_"))

    def _loads(self) -> dict[str, tuple[str, str]]:
        """Of each name that is loaded: the label, and the name in that file."""
        found = {}
        for statement in self._tree.body:
            if isinstance(statement, ast.Expr) and isinstance(call := statement.value, ast.Call):
                if _name(call.func) != "load":
                    continue
                label, *plain = [_text(argument) for argument in call.args]
                found.update({name: (label, name) for name in plain})
                found.update({word.arg: (label, _text(word.value)) for word in call.keywords if word.arg})
        return found

    def _file(self, label: str) -> Path:
        package, _, name = label.rpartition(":")
        return (self._root / package[2:] if package else self._path.parent) / name


def flags(build_file: Path) -> list[Flag]:
    """The build settings of a BUILD file; the comment above one says what it is for."""
    lines = build_file.read_text().splitlines()
    found = []
    for statement in ast.parse("\n".join(lines)).body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and _keyword(call, "build_setting_default") is not None:
            name, above = _text(_keyword(call, "name")), _comment(lines[: statement.lineno - 1])
            if not above:
                raise Undocumented(f"{build_file}: no comment says what the flag {name} is for.")
            found.append(Flag(name, _name(call.func), above))
    return found


def _comment(lines: list[str]) -> str:
    found: list[str] = []
    while lines and lines[-1].startswith("# "):
        found.insert(0, lines.pop()[2:])
    return " ".join(found)


def _macro(node: ast.FunctionDef) -> Symbol:
    doc, _, rest = (ast.get_docstring(node) or "").partition("\nArgs:\n")
    if not doc:
        raise Undocumented(f"{node.name} has no docstring.")
    said = _said(rest.partition("\nReturns:\n")[0])
    arguments = [_argument(node.name, name, default, said) for name, default in _parameters(node.args)]
    return Symbol(node.name, "macro", doc.strip(), tuple(arguments))


def _parameters(given: ast.arguments) -> Iterator[tuple[str, str | None]]:
    defaults = [None] * (len(given.args) - len(given.defaults)) + [_source(default) for default in given.defaults]
    yield from zip([argument.arg for argument in given.args], defaults)
    if given.kwarg:
        yield f"**{given.kwarg.arg}", ""


def _argument(macro: str, name: str, default: str | None, said: dict[str, str]) -> Argument:
    if name not in said:
        raise Undocumented(f"{macro}: nothing is said about the argument {name}.")
    return Argument(name, default, said[name])


def _said(text: str) -> dict[str, str]:
    """What a docstring says of each argument; a line that is indented further goes on."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if begins := _ARGUMENT.fullmatch(line):
            name = begins[1]
            found[name] = begins[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def _attribute(rule: str, name: str, value: ast.expr) -> Argument:
    assert isinstance(value, ast.Call)
    doc = _text(_keyword(value, "doc"))
    if not doc:
        raise Undocumented(f"{rule}: nothing is said about the attribute {name}.")
    must = _keyword(value, "mandatory") is not None
    default = _keyword(value, "default")
    empty = "[]" if _name(value.func).endswith("list") else '""' if _name(value.func).endswith("string") else "None"
    return Argument(name, None if must else _source(default) if default else empty, doc, _name(value.func))


def _order(argument: Argument) -> tuple[bool, str]:
    """What must be given comes first."""
    return argument.default is not None, argument.name


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def _name(function: ast.expr) -> str:
    return ast.unparse(function).removeprefix("attr.")


def _text(value: ast.expr | None) -> str:
    """A string, perhaps put together of several with `+`."""
    if isinstance(value, ast.BinOp):
        return _text(value.left) + _text(value.right)
    return str(value.value) if isinstance(value, ast.Constant) else ""


def _source(value: ast.expr) -> str:
    """As Starlark is written: with double quotes."""
    return ast.unparse(value).replace("'", '"')


def _dedented(text: str) -> str:
    return "\n".join(line.strip() if not line.startswith("    ") else line for line in text.splitlines()).strip()
