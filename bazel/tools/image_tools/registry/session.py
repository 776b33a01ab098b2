"""What the registries of one push have in common: how to connect, who we are, what it cost, and when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from image_tools.registry import credentials
from image_tools.registry.auth import Authenticator
from image_tools.registry.client import Registry
from image_tools.registry.connection import Counts
from image_tools.registry.credentials import Credentials
from image_tools.registry.patience import Patience
from image_tools.registry.security import Security
from image_tools.registry.transport import Transport

FindCredentials = Callable[[str, str], "Credentials | None"]


@dataclass(frozen=True)
class Settings:
    """How to talk to registries. `security` may differ by registry: what `others` names comes first."""

    security: Security = field(default_factory=Security)
    others: dict[str, Security] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    connect_timeout: float = 10
    timeout: float = 60
    credentials: FindCredentials = credentials.find


class Session:
    """The registries that are in use. Thread-safe."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.counts = Counts()
        self.stop = threading.Event()
        self._settings = settings or Settings()
        self._registries: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def registry(self, host: str) -> Registry:
        """The client of a registry; the same one for the same host."""
        with self._lock:
            if host not in self._registries:
                self._registries[host] = self._connect(host)
            return self._registries[host]

    def end(self) -> None:
        """Stops whatever goes on."""
        self.stop.set()
        for registry in self._all():
            registry.transport.abort()

    def close(self) -> None:
        """Gives the connections back."""
        for registry in self._all():
            registry.transport.close()

    def _all(self) -> list[Registry]:
        with self._lock:
            return list(self._registries.values())

    def _connect(self, host: str) -> Registry:
        own = self._settings
        security = own.others.get(host, own.security)
        transport = Transport(security, self.counts, self.stop, own.connect_timeout, own.timeout)
        authenticator = Authenticator(host, transport, lambda repository: own.credentials(host, repository))
        return Registry(host, transport, authenticator, own.patience)
