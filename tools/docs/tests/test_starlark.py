from pathlib import Path

import pytest

from tools.docs.starlark import Argument, Flag, Module, Symbol, Undocumented, flags

MACRO = '''
def build(name, deps = [], **kwargs):
    """Builds.

    At length.

    Args:
      name: of it,
        and more.
      deps: libraries: several.
      **kwargs: the rest.

    Returns:
      nothing.
    """
'''
RULE = """
_COMMON = {"_tool": attr.label(), "env": attr.string_dict(doc = "Variables" + " of it.")}

built = rule(
    doc = "A rule.",
    attrs = _COMMON | dict(_COMMON, name = attr.string(doc = "Of it.", mandatory = True)) | {
        "kind": attr.string(doc = "Which.", default = 'small'),
        "deps": attr.label_list(doc = "Libraries."),
    },
)
"""
EXTENSION = """
_image = tag_class(doc = "An image.", attrs = {"name": attr.string(doc = "Of it.", mandatory = True)})
images = module_extension(doc = "Images.", implementation = _impl, tag_classes = {"image": _image})
"""


def module(folder: Path, text: str, name: str = "one.bzl") -> Module:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return Module(path, folder)


def test_a_macro_is_its_docstring(tmp_path: Path) -> None:
    arguments = (
        Argument("name", None, "of it, and more."),
        Argument("deps", "[]", "libraries: several."),
        Argument("**kwargs", "", "the rest."),
    )
    assert module(tmp_path, MACRO).public() == [Symbol("build", "macro", "Builds.\n\nAt length.", arguments)]


def test_a_rule_has_the_attributes_of_all_its_dicts_but_private_ones(tmp_path: Path) -> None:
    (found,) = module(tmp_path, RULE).public()
    assert [(each.name, each.default, each.doc) for each in dict.fromkeys(found.arguments)] == [
        ("name", None, "Of it."),
        ("deps", "[]", "Libraries."),
        ("env", "None", "Variables of it."),
        ("kind", '"small"', "Which."),
    ]


def test_an_extension_has_tags(tmp_path: Path) -> None:
    (found,) = module(tmp_path, EXTENSION).public()
    assert found == Symbol(
        "images",
        "extension",
        "Images.",
        tags=(Symbol("image", "tag", "An image.", (Argument("name", None, "Of it.", "string"),)),),
    )


@pytest.mark.parametrize("label", [":two.bzl", "//folder:two.bzl"])
def test_what_is_loaded_is_followed(tmp_path: Path, label: str) -> None:
    module(tmp_path, MACRO, "folder/two.bzl")
    front = f'load("{label}", _build = "build")\nbuild = _build\n'
    found = module(tmp_path, front, "folder/one.bzl").public()
    assert [(each.name, each.kind) for each in found] == [("build", "macro")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def build(name):\n    pass\n", "build has no docstring"),
        ('def build(name):\n    """Builds."""\n', "build: nothing is said about the argument name"),
        ("built = rule(attrs = {})\n", "built has no doc"),
        ('built = rule(doc = "A rule.", attrs = {"a": attr.int()})\n', "built: nothing is said about the attribute a"),
        ("NUMBER = 3\n", "NUMBER is no macro, rule or extension"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Undocumented, match=sentence):
        module(tmp_path, text).public()


def test_flags_are_said_by_the_comment_above(tmp_path: Path) -> None:
    build = tmp_path / "BUILD"
    build.write_text(
        'x(name = "x")\n\n# Which one,\n# if any.\nlabel_flag(name = "one", build_setting_default = ":x")\n'
    )
    assert flags(build) == [Flag("one", "label_flag", "Which one, if any.")]
    build.write_text('label_flag(name = "one", build_setting_default = ":x")\n')
    with pytest.raises(Undocumented, match="no comment says what the flag one is for"):
        flags(build)
