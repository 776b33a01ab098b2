"""Types of values: one small module a family, found by `registry.of(annotation)`."""

from sematic.types import (  # noqa: F401  the families register themselves
    aliases,
    classes,
    collections_abc,
    custom,
    datetimes,
    deques,
    dictkinds,
    dicts,
    enums,
    fallback,
    leaves,
    literals,
    paths,
    scalars,
    sequences,
    sets,
    structs,
    typeddicts,
    unions,
)
from sematic.types.custom import register_type
from sematic.types.link import Link
from sematic.types.registry import flows, from_spec, of, optional, path_of, real_module, register

__all__ = ["Link", "flows", "from_spec", "of", "path_of", "real_module", "register", "register_type"]

optional("attr", "sematic.types.attrs_classes", "attrs")
optional("numpy", "sematic.types.arrays", "array", "numpy")
optional("pydantic", "sematic.types.pydantic_models", "pydantic")
