"""Types of values: one small module a family, found by `registry.of(annotation)`."""

from sematic.types import (  # noqa: F401  the families register themselves
    dicts,
    fallback,
    scalars,
    sequences,
    sets,
    structs,
    unions,
)
from sematic.types.registry import flows, from_spec, late, of, optional, path_of, real_module, register

__all__ = ["flows", "from_spec", "of", "path_of", "real_module", "register"]

_ADDRESSES = " ".join(
    f"ipaddress.IPv{version}{what}" for version in "46" for what in ("Address", "Network", "Interface")
)

_PATHS = " ".join(
    f"{module}.{name}"
    for module in ("pathlib", "pathlib._local")
    for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
)

late("sematic.types.abstracts", "abstract", "meta:abc.ABCMeta")
late(
    "sematic.types.aliases",
    "alias",
    "sematic.types.hints.Alias typing.TypeAliasType typing_extensions.TypeAliasType",
)
late("sematic.types.classes", "type", "builtins.type")
late(
    "sematic.types.collections_abc",
    "any",
    " ".join(
        f"collections.abc.{name}"
        for name in (
            *("Sequence", "MutableSequence", "Collection", "Iterable", "Container", "Reversible"),
            *("Set", "MutableSet", "Mapping", "MutableMapping"),
        )
    ),
)
late("sematic.types.custom", "custom", "")
late(
    "sematic.types.datetimes",
    "date time datetime timedelta",
    "datetime.date datetime.time datetime.datetime datetime.timedelta",
)
late("sematic.types.deques", "deque", "collections.deque")
late(
    "sematic.types.dictkinds",
    "OrderedDict Counter defaultdict",
    "collections.OrderedDict collections.Counter collections.defaultdict",
)
late("sematic.types.enums", "enum", "meta:enum.EnumType")
late(
    "sematic.types.leaves",
    "Decimal Fraction UUID IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface range slice "
    "tzinfo timezone ZoneInfo Pattern Pattern[str] Pattern[bytes]",
    "decimal.Decimal fractions.Fraction uuid.UUID builtins.range builtins.slice datetime.tzinfo datetime.timezone "
    f"zoneinfo.ZoneInfo re.Pattern {_ADDRESSES}",
)
late("sematic.types.file_types", "file directory content", "sematic.types.files.File sematic.types.files.Directory")
late("sematic.types.image", "image", "sematic.types.image.Image")
late("sematic.types.literals", "literal", "typing.Literal")
late("sematic.types.paths", "path", _PATHS)
late("sematic.types.typeddicts", "typeddict", "meta:typing._TypedDictMeta meta:typing_extensions._TypedDictMeta")
optional("attr", "sematic.types.attrs_classes", "attrs")
optional("lightgbm", "sematic.types.boosters", "lightgbm")
optional("matplotlib", "sematic.types.figures", "figure")
optional("numpy", "sematic.types.arrays", "array numpy")
optional("pandas", "sematic.types.pandas_frames", "pandas")
optional("polars", "sematic.types.polars_frames", "polars")
optional("pyarrow", "sematic.types.arrow", "arrow")
optional("pydantic", "sematic.types.pydantic_models", "pydantic")
optional("PIL", "sematic.types.pictures", "picture")
optional("plotly", "sematic.types.plots", "plotly")
optional("sklearn", "sematic.types.estimators", "estimator")
optional("xgboost", "sematic.types.boosters", "xgboost")
optional("scipy.sparse", "sematic.types.sparse", "sparse")
