"""The proxy that the environment names for a host (https_proxy, http_proxy, no_proxy); never one for this machine."""

from __future__ import annotations

import base64
import ipaddress
import os
import sys
import urllib.parse
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Proxy:
    """Where it is, and who we are to it."""

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def find(url: str) -> Proxy | None:
    """The proxy to reach `url` by."""
    if not _may_have_one():
        return None
    import urllib.request  # Here: it costs more than all the rest, and each run of a program waits for our imports.

    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    address = urllib.request.getproxies().get(parts.scheme)
    if not address or _is_loopback(host) or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
    return Proxy(proxy.hostname or "", proxy.port or 80, _authorization(proxy))


def _may_have_one() -> bool:
    """Outside the environment only these systems have settings of proxies."""
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _authorization(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    user = f"{urllib.parse.unquote(proxy.username)}:{urllib.parse.unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
