"""Types of values: one small module a family, found by `registry.of(annotation)`."""

from sematic.types import (  # noqa: F401  the families register themselves
    arrays,
    datetimes,
    dicts,
    enums,
    fallback,
    literals,
    paths,
    scalars,
    sequences,
    sets,
    structs,
    unions,
)
from sematic.types.link import Link
from sematic.types.registry import flows, from_spec, of, path_of, real_module, register

__all__ = ["Link", "flows", "from_spec", "of", "path_of", "real_module", "register"]
