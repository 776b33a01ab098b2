"""Sematic: plain typed Python functions become pipelines that run the same on a laptop and on Kubernetes."""

from sematic.context import Context, context
from sematic.errors import (
    ArtifactError,
    BodyExited,
    ConversionError,
    DefinitionError,
    EncodingError,
    GraphError,
    LedgerError,
    NoImage,
    NotInFunctionError,
    ResumeError,
    RunFailed,
    RunTimedOut,
    SematicError,
    SettingsError,
)
from sematic.function import Function, func
from sematic.future import Future, field
from sematic.options import RetrySettings
from sematic.resolvers.local import LocalResolver
from sematic.resolvers.silent import SilentResolver
from sematic.resources import (
    KubernetesRequirements,
    KubernetesSecretMount,
    KubernetesToleration,
    ResourceRequirements,
    TolerationEffect,
    TolerationOperator,
)
