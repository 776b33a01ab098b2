"""Boosters of LightGBM and XGBoost, in the formats in which these libraries keep their models.

Only the model is kept: the data it was trained on, which a booster may still hold, stays behind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from sematic.errors import ArtifactError
from sematic.types import pickled, sections
from sematic.types.base import BinaryType, Buffer, Json, Spec, ValueType
from sematic.types.registry import Row, path_of, register
from sematic.types.scalars import FLOAT, STR
from sematic.types.sections import checked
from sematic.types.summaries import FIELDS


class LightgbmType(BinaryType):
    """lightgbm.Booster, as LightGBM's text."""

    codec = "lightgbm"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["lightgbm"], "lightgbm.Booster")
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return _exactly(self, value)

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        facts = _facts(value) | {
            "best_iteration": value.best_iteration,
            "best_score": _scores(value.best_score, float.hex),
        }
        text = value.model_to_string(num_iteration=-1)  # without it, only up to the best iteration
        return sections.write(facts, [checked(text.encode("utf-8", "surrogateescape"))])

    def from_buffer(self, buffer: Buffer) -> Any:
        facts, (text,) = _opened(buffer)
        value = self.python(model_str=str(text, "utf-8", "surrogateescape"))
        value.best_iteration = facts["best_iteration"]
        value.best_score = _scores(facts["best_score"], float.fromhex)
        return value

    def summarise(self, value: Any) -> Json:
        return _summary(value, value.num_trees(), value.num_feature(), value.feature_name()) | {
            "best_iteration": value.best_iteration,
            "best_score": _scores(value.best_score, FLOAT.summarise),
        }


class XgboostType(BinaryType):
    """xgboost.Booster, as XGBoost's UBJSON."""

    codec = "xgboost"
    python: type

    def __init__(self, cls: type) -> None:
        super().__init__(["xgboost"], "xgboost.Booster")
        self.python = cls

    def accepts(self, source: ValueType) -> bool:
        return False

    def convert(self, value: Any) -> Any:
        return _exactly(self, value)

    def to_chunks(self, value: Any) -> Iterator[Buffer]:
        return sections.write(_facts(value), [checked(value.save_raw("ubj"))])

    def from_buffer(self, buffer: Buffer) -> Any:
        _, (model,) = _opened(buffer)
        value = self.python()
        value.load_model(bytearray(model))
        return value

    def summarise(self, value: Any) -> Json:
        attributes = islice(value.attributes().items(), FIELDS)
        return _summary(value, value.num_boosted_rounds(), value.num_features(), value.feature_names or []) | {
            "attributes": {name[:FIELDS]: STR.summarise(text) for name, text in attributes}
        }


def _exactly(kind: ValueType, value: Any) -> Any:
    if type(value) is not kind.python:
        raise kind.refuse(value)
    return value


def _facts(value: Any) -> dict[str, Any]:
    return {"class": path_of(type(value)), "libraries": pickled.versions([type(value).__module__])}


def _opened(buffer: Buffer) -> tuple[dict[str, Any], list[memoryview]]:
    """Older models are read by newer libraries, which promise it; not the other way round."""
    facts, found = sections.read(buffer)
    for name, version in facts["libraries"].items():
        here = pickled.version_here(name, facts["class"])
        if _major(here) < _major(version):
            problem = f"a model of {name} {version} cannot be read with {name} {here}"
            raise ArtifactError(f"{problem}: install {name} {version}, or run again what made it")
    return facts, found


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _scores(scores: Any, each: Callable[[Any], Json]) -> dict[str, dict[str, Json]]:
    return {data: {metric: each(score) for metric, score in found.items()} for data, found in scores.items()}


def _summary(value: Any, trees: int, features: int, names: list[str]) -> dict[str, Json]:
    return {
        "class": path_of(type(value)),
        "trees": trees,
        "features": features,
        "names": [name[:FIELDS] for name in names[:FIELDS]],
        "libraries": pickled.versions([type(value).__module__]),
    }


def _match(annotation: Any) -> ValueType | None:
    for library, kind in _KINDS.items():
        if annotation is getattr(sys.modules.get(library), "Booster", Any):
            return kind(annotation)
    return None


_KINDS: dict[str, Callable[[type], ValueType]] = {"lightgbm": LightgbmType, "xgboost": XgboostType}


def _load(spec: Spec) -> ValueType:
    library: str = spec[0]
    pickled.version_here(library, f"{library}.Booster")
    return _KINDS[library](sys.modules[library].Booster)


register(
    _match,
    {"lightgbm": _load, "xgboost": _load},
    (
        Row(
            "lightgbm.Booster",
            "an instance, as LightGBM's text; its data sets stay behind",
            "lightgbm",
            "trees, features, best score",
        ),
        Row(
            "xgboost.Booster",
            "an instance, as UBJSON; its data sets stay behind",
            "xgboost",
            "trees, features, attributes",
        ),
    ),
)
