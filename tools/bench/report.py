"""Figures as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from typing import Any

from tools.bench.measure import Figure, Spread
from tools.bench.peers.run import Peer

_COLUMNS = ("row", "unit", "ours (min .. max)", "floor", "x floor", "budget", "kept")
_WIDTHS = (22, 18, 30, 10, 9, 14, 4)


def heading() -> str:
    """The first line of the table."""
    return _line(_COLUMNS)


def line(figure: Figure) -> str:
    """One line of the table."""
    least, middle, most = map(number, figure.ours)
    ratio = "" if figure.ratio is None else number(figure.ratio)
    kept = {None: "", True: "yes", False: "NO"}[figure.within]
    ours = f"{middle} ({least} .. {most})"
    return _line((figure.name, figure.unit, ours, number(figure.floor.median), ratio, budget(figure), kept))


def _line(cells: Sequence[str]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def budget(figure: Figure) -> str:
    """A budget in words."""
    if figure.budget is None:
        return ""
    limit = number(figure.budget.limit)
    return {"ours": limit, "ratio": f"{limit} x floor", "excess": f"floor + {limit}"}[figure.budget.of]


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def peer_line(peer: Peer) -> str:
    """What one peer needs, or why there is no figure."""
    name = f"{peer.name} {peer.version}".strip()
    if peer.problem:
        return f"{name}: no figure: {peer.problem}"
    return f"{name}: {number(peer.milliseconds)} ms a step, chain of {peer.steps} ({peer.how})"


def as_json(figures: Sequence[Figure], peers: Sequence[Peer]) -> str:
    """Everything, with what machine it was."""
    machine = {"cpus": os.cpu_count(), "load": os.getloadavg(), "system": platform.platform()}
    data = {
        "machine": {**machine, "python": platform.python_version()},
        "rows": [_figure(figure) for figure in figures],
        "peers": [peer._asdict() for peer in peers],
    }
    return json.dumps(data, indent=2)


def _figure(figure: Figure) -> dict[str, Any]:
    spreads = {name: value._asdict() for name, value in figure._asdict().items() if isinstance(value, Spread)}
    limit = figure.budget._asdict() if figure.budget else None
    return {**figure._asdict(), **spreads, "budget": limit, "ratio": figure.ratio, "within": figure.within}
