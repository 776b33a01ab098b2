"""`python -m tools.bench [ROW ...] [--json] [--compare PEER ...] [--quick]`"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from fnmatch import fnmatch

from tools.bench import report
from tools.bench.measure import Figure, measure
from tools.bench.peers.run import PEERS, Peer, compare
from tools.bench.rows import Row, all_rows

_QUICK_SIZE = 5_000


def main(arguments: list[str]) -> None:
    options = _parser().parse_args(arguments)
    rows = [] if options.compare and not options.rows else list(_chosen(options.rows, options.quick))
    figures = list(_shown(rows, 1 if options.quick else None))
    peers = list(_compared(options.compare))
    if options.json:
        print(report.as_json(figures, peers))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="What Sematic costs, beside its floor.")
    names = ", ".join(row.name for row in all_rows())
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"rows to measure, patterns allowed (all): {names}")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout (the table goes to stderr)")
    parser.add_argument("--quick", action="store_true", help="once each, and nothing longer than 5,000 steps")
    peers = ", ".join(PEERS)
    parser.add_argument(
        "--compare", nargs="+", default=[], metavar="PEER", choices=[*PEERS, "all"], help=f"{peers}, all"
    )
    return parser


def _chosen(patterns: list[str], quick: bool) -> Iterable[Row]:
    rows = [row for row in all_rows() if not quick or row.size <= _QUICK_SIZE]
    for pattern in patterns:
        if not any(fnmatch(row.name, pattern) for row in rows):
            sys.exit(f"no row is called {pattern}; there are {', '.join(row.name for row in rows)}")
    return [row for row in rows if not patterns or any(fnmatch(row.name, pattern) for pattern in patterns)]


def _shown(rows: list[Row], repetitions: int | None) -> Iterable[Figure]:
    if rows:
        _say(report.heading())
    for figure in measure(rows, repetitions) if rows else ():
        _say(report.line(figure))
        yield figure


def _compared(names: list[str]) -> Iterable[Peer]:
    for name in PEERS if "all" in names else names:
        peer = compare(name)
        _say(report.peer_line(peer))
        yield peer


def _say(text: str) -> None:
    """Where people look: stdout is for JSON."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
