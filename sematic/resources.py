"""What hardware a function asks for. Validated when made; turned into Kubernetes objects elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sematic.errors import SettingsError

_QUANTITY = re.compile(r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")
_LABEL_KEY = re.compile(r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")
_LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$")


class TolerationOperator(StrEnum):
    """How a toleration's key is compared."""

    EQUAL = "Equal"
    EXISTS = "Exists"


class TolerationEffect(StrEnum):
    """Which effect of a taint is tolerated. ALL tolerates each of them."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"
    ALL = "All"


@dataclass(frozen=True, slots=True)
class KubernetesToleration:
    """Lets a job run on nodes with a taint. `toleration_seconds` goes with NO_EXECUTE only."""

    key: str | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    effect: TolerationEffect = TolerationEffect.ALL
    value: str | None = None
    toleration_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.operator is TolerationOperator.EXISTS and self.value is not None:
            raise SettingsError("KubernetesToleration: operator EXISTS takes no value; leave `value` out")
        if self.operator is TolerationOperator.EQUAL and self.key is None:
            raise SettingsError("KubernetesToleration: operator EQUAL needs a key; give `key`, or operator EXISTS")
        if self.toleration_seconds is not None and self.effect is not TolerationEffect.NO_EXECUTE:
            raise SettingsError("KubernetesToleration: toleration_seconds goes with effect NO_EXECUTE only")


@dataclass(frozen=True, slots=True)
class KubernetesSecretMount:
    """Keys of the cluster's secret for functions, given as environment variables (`environment_secrets`: key →
    variable) or as files (`file_secrets`: key → path below `file_secret_root_path`)."""

    environment_secrets: dict[str, str] = field(default_factory=dict)
    file_secrets: dict[str, str] = field(default_factory=dict)
    file_secret_root_path: str = "/secrets"

    def __post_init__(self) -> None:
        for variable in self.environment_secrets.values():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
                raise SettingsError(f"KubernetesSecretMount: {variable!r} is no name of an environment variable")
        for path in self.file_secrets.values():
            if path.startswith("/") or ".." in path.split("/"):
                raise SettingsError(f"KubernetesSecretMount: {path!r} must be a path below file_secret_root_path")
        if not self.file_secret_root_path.startswith("/"):
            raise SettingsError("KubernetesSecretMount: file_secret_root_path must be absolute")


@dataclass(frozen=True, slots=True)
class KubernetesRequirements:
    """What a function's job needs of the cluster.

    `requests` and `limits` map resource names (``cpu``, ``memory``, ``ephemeral-storage``, ``nvidia.com/gpu``) to
    Kubernetes quantities (``"500m"``, ``"2Gi"``); limits default to the requests. `mount_expanded_shared_memory`
    gives /dev/shm the size of the memory limit. Raises SettingsError for what no cluster would accept.
    """

    node_selector: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[KubernetesToleration, ...] = ()
    secret_mounts: KubernetesSecretMount | None = None
    mount_expanded_shared_memory: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerations", tuple(self.tolerations))
        for key, value in self.node_selector.items():
            if not _LABEL_KEY.match(key) or not _LABEL_VALUE.match(value):
                raise SettingsError(f"KubernetesRequirements: {key}={value} is no label a node can have")
        for what, quantities in (("requests", self.requests), ("limits", self.limits)):
            for name, quantity in quantities.items():
                if not isinstance(quantity, str) or not _QUANTITY.match(quantity):
                    problem = f"{what}[{name!r}] is {quantity!r}; write a Kubernetes quantity such as '500m' or '2Gi'"
                    raise SettingsError(f"KubernetesRequirements: {problem}")


@dataclass(frozen=True, slots=True)
class ResourceRequirements:
    """What hardware a function needs, by kind of cluster."""

    kubernetes: KubernetesRequirements = field(default_factory=KubernetesRequirements)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, defaults included."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ResourceRequirements:
        """The inverse of `to_json`."""
        fields = dict(data["kubernetes"])
        fields["tolerations"] = tuple(
            KubernetesToleration(
                **{**t, "operator": TolerationOperator(t["operator"]), "effect": TolerationEffect(t["effect"])}
            )
            for t in fields.get("tolerations", ())
        )
        if fields.get("secret_mounts"):
            fields["secret_mounts"] = KubernetesSecretMount(**fields["secret_mounts"])
        return cls(KubernetesRequirements(**fields))
