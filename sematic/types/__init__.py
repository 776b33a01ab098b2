"""Types of values: one small module a family, found by `registry.of(annotation)`."""

from sematic.types import (  # noqa: F401  the families register themselves; the fallback, asked last, comes first
    fallback,
    arrays,
    scalars,
    sequences,
    sets,
    dicts,
    unions,
    literals,
    enums,
    structs,
    datetimes,
    paths,
)
from sematic.types.link import Link
from sematic.types.registry import flows, from_spec, of, path_of, real_module, register

__all__ = ["Link", "flows", "from_spec", "of", "path_of", "real_module", "register"]
