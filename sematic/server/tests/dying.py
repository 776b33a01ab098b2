"""A server that is killed at a commit: before it, or after it and before its answer.

Started as ``python -m sematic.server.tests.dying WHERE NUMBER ASKED``; ASKED is what `sematic start` gives a server.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

from sematic.engine.changes import Change
from sematic.ledger.sql.ledger import SqlLedger
from sematic.server.__main__ import Asked, main


def arm(where: str, number: int) -> None:
    """Die at the commit with this number, from 1."""
    commit = SqlLedger.commit
    numbers = count(1)

    def counted(self: SqlLedger, pipeline_run_id: str, changes: Sequence[Change], nonce: str | None = None) -> int:
        this = next(numbers)
        _die_if((where, number) == ("before", this))
        seq = commit(self, pipeline_run_id, changes, nonce)
        _die_if((where, number) == ("after", this))
        return seq

    SqlLedger.commit = counted  # type: ignore[method-assign]


def _die_if(now: Any) -> None:
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    main(Asked(**json.loads(sys.argv[3])))
