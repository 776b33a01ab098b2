"""The table of types says what the types themselves say, and that is true."""

import collections.abc as abc
import datetime
import decimal
import pathlib
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any, Literal

import lightgbm
import matplotlib.figure
import numpy
import pandas
import PIL.Image
import plotly.graph_objects
import polars
import pyarrow
import pytest
import scipy.sparse
import sklearn.base

import sematic
from sematic.types import registry, table
from sematic.types.tests import samples, samples_attrs, samples_custom, samples_generic, samples_pydantic

EXAMPLES: dict[str, Any] = {
    "None": int,
    "list": list[int],
    "set": set[int],
    "dict": dict[str, int],
    "deque": deque[int],
    "OrderedDict": OrderedDict[str, int],
    "any": abc.Sequence[int],
    "union": int | None,
    "literal": Literal[1],
    "alias": samples_generic.NewJson,
    "type": type[int],
    "enum": samples.Color,
    "dataclass": samples.Point,
    "namedtuple": samples.Pair,
    "typeddict": samples_generic.Movie,
    "attrs": samples_attrs.Plain,
    "pydantic": samples_pydantic.Plain,
    "abstract": samples_generic.Shape,
    "date": datetime.date,
    "path": pathlib.Path,
    "Decimal": decimal.Decimal,
    "array": numpy.ndarray,
    "picture": PIL.Image.Image,
    "image": sematic.Image,
    "figure": matplotlib.figure.Figure,
    "plotly": plotly.graph_objects.Figure,
    "file": sematic.File,
    "estimator": sklearn.base.BaseEstimator,
    "lightgbm": lightgbm.Booster,
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "arrow": pyarrow.Table,
    "sparse": scipy.sparse.csr_array,
    "custom": samples_custom.Molecule,
    "class": samples.Custom,
}


def test_the_page_is_what_the_families_say() -> None:
    page = Path(__file__).with_name("types.md").read_text()
    assert page == table.markdown(), "run `python -m sematic.types.table > docs/types.md`"


def test_every_family_has_a_line() -> None:
    families = registry.rows()
    assert all(families.values())
    assert families.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("word", EXAMPLES)
def test_the_codecs_are_those_of_the_table(word: str) -> None:
    kind = registry.of(EXAMPLES[word])
    assert kind.codec in {row.codec for row in registry.rows()[word]}
