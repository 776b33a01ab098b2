"""The program that serves: ``python -m sematic.server`` with what `sematic start` gives it."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from sematic.errors import SematicError
from sematic.home import LEDGER_FILE
from sematic.ledger.sql.sqlite import open_sqlite
from sematic.server.app import create_app
from sematic.server.guard import LOOPBACK, Guard
from sematic.server.listening import THREADS, bind, serve
from sematic.server.routes import Service
from sematic.server.state import Place, Running, server_folder
from sematic.server.tokens import Tokens, local_token
from sematic.server.uploads import Uploads
from sematic.server.waiting import Waiters
from sematic.storage.local import LocalStore
from sematic.version import __version__

log = logging.getLogger("sematic.server")


class Asked(NamedTuple):
    """How to serve. `ready`: a descriptor on which one line of JSON says that it listens, or why it does not."""

    home: str
    host: str
    port: int
    names: tuple[str, ...] = ()
    ready: int | None = None


def main(asked: Asked) -> None:
    """Serve until told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        server, service, place, address = _open(asked)
    except (SematicError, OSError) as error:
        _say(asked.ready, {"error": str(error)})
        raise SystemExit(1) from None
    for number in (signal.SIGTERM, signal.SIGINT):  # at any moment, not only while it waits for requests
        signal.signal(number, _end)
    place.say(Running(os.getpid(), address, __version__))
    log.info("serving %s at %s", asked.home, address)
    _say(asked.ready, {"address": address})
    try:
        server.run()
    finally:
        service.waiters.close()
        service.ledger.close()
        log.info("ended")


def _open(asked: Asked) -> tuple[Any, Service, Place, str]:
    home = Path(asked.home)
    place = Place(home)
    listening = bind(asked.host, asked.port)
    folder = server_folder(home)
    tokens = Tokens(folder / "tokens.json")
    local_token(folder, tokens)
    store = LocalStore(home, fsync=True)
    ledger = open_sqlite(home / LEDGER_FILE, "FULL", blobs=store)
    service = Service(ledger, store, Uploads(folder / "uploads", store), Waiters(THREADS // 2))
    guard = Guard(LOOPBACK | {asked.host.lower(), *(name.lower() for name in asked.names)}, tokens)
    host = f"[{asked.host}]" if ":" in asked.host else asked.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    return serve(create_app(service, guard), guard, listening), service, place, address


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _say(ready: int | None, message: dict[str, str]) -> None:
    if ready is None:
        print(message.get("error") or f"serving {message['address']}: end it with Ctrl-C", file=sys.stderr, flush=True)
        return
    with open(ready, "w") as file:
        file.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    main(Asked(**json.loads(sys.argv[-1])))
