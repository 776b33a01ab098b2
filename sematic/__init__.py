"""Sematic: plain typed Python functions become pipelines that run the same on a laptop and on Kubernetes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sematic import entry as _entry
from sematic import future as _future
from sematic.context import Context, context
from sematic.errors import (
    ArtifactError,
    BodyExited,
    ConversionError,
    DefinitionError,
    EncodingError,
    Fenced,
    GraphError,
    LedgerAway,
    LedgerError,
    LedgerLocked,
    NewerLedger,
    NoImage,
    NoServer,
    NotInFunctionError,
    ResumeError,
    RunFailed,
    RunTimedOut,
    SematicError,
    SettingsError,
    StoreError,
    WrongBase,
)
from sematic.function import Function, func
from sematic.future import Future, field
from sematic.options import RetrySettings
from sematic.resources import (
    KubernetesRequirements,
    KubernetesSecretMount,
    KubernetesToleration,
    ResourceRequirements,
    TolerationEffect,
    TolerationOperator,
)
from sematic.surface import options, resolve
from sematic.types.link import Link
from sematic.version import __version__

if TYPE_CHECKING:
    from sematic.reading import get_run, load
    from sematic.resolvers.cloud import CloudResolver
    from sematic.resolvers.local import LocalResolver
    from sematic.resolvers.silent import SilentResolver
    from sematic.types.custom import register_type
    from sematic.types.files import Directory, File
    from sematic.types.image import Image

_LATE = {
    "CloudResolver": "sematic.resolvers.cloud",
    "Directory": "sematic.types.files",
    "File": "sematic.types.files",
    "Image": "sematic.types.image",
    "LocalResolver": "sematic.resolvers.local",
    "SilentResolver": "sematic.resolvers.silent",
    "get_run": "sematic.reading",
    "load": "sematic.reading",
    "register_type": "sematic.types.custom",
}
"""Names that are imported when first used: they run graphs or read records, which writing functions does not take."""

__all__ = [
    "ArtifactError",
    "BodyExited",
    "CloudResolver",
    "Context",
    "ConversionError",
    "DefinitionError",
    "Directory",
    "EncodingError",
    "Fenced",
    "File",
    "Function",
    "Future",
    "GraphError",
    "Image",
    "KubernetesRequirements",
    "KubernetesSecretMount",
    "KubernetesToleration",
    "LedgerAway",
    "LedgerError",
    "LedgerLocked",
    "Link",
    "LocalResolver",
    "NewerLedger",
    "NoImage",
    "NoServer",
    "NotInFunctionError",
    "ResourceRequirements",
    "ResumeError",
    "RetrySettings",
    "RunFailed",
    "RunTimedOut",
    "SematicError",
    "SettingsError",
    "SilentResolver",
    "StoreError",
    "TolerationEffect",
    "TolerationOperator",
    "WrongBase",
    "__version__",
    "context",
    "field",
    "func",
    "get_run",
    "load",
    "options",
    "register_type",
    "resolve",
]


def _default_resolver() -> LocalResolver:
    from sematic.resolvers.local import LocalResolver

    return LocalResolver()


if os.environ.get("SEMATIC_BASE_NEEDS"):  # in an image whose base did not say what it has
    from sematic import base_needs

    base_needs.check(os.environ[base_needs.VARIABLE])

_future.default_resolver = _default_resolver
_entry.adopt_main()  # before the program imports more: its other modules may import it by its real name


def __getattr__(name: str) -> Any:
    if name in _LATE:
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_LATE[name]), name)
        return found
    raise AttributeError(f"module 'sematic' has no attribute {name!r}")
