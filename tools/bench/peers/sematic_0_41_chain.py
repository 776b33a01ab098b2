"""A chain of Sematic 0.41 functions under its LocalRunner, recorded by its own server on a free port of loopback."""

# mypy: ignore-errors

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

SERVER = (
    "from sematic.config.config import switch_env; switch_env('local');"
    "from sematic.db.migrate import migrate_up; migrate_up();"
    "from sematic.api.server import run_locally; run_locally(debug=False, make_daemon=False)"
)


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def wait_for(address: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        if server.poll() is not None:
            sys.exit("its server did not start")
        try:
            urllib.request.urlopen(f"{address}/api/v1/meta/versions", timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("its server does not answer")


def measure(n: int) -> float:
    import sematic

    @sematic.func
    def step(x: int) -> int:
        return x + 1

    @sematic.func
    def chain(n: int) -> int:
        value = step(0)
        for _ in range(n - 1):
            value = step(value)
        return value

    begun = time.perf_counter()
    value = sematic.LocalRunner().run(chain(n))
    seconds = time.perf_counter() - begun
    if value != n:
        sys.exit("the chain gave the wrong value")
    return seconds


if __name__ == "__main__":
    os.environ["PORT"] = str(free_port())
    os.environ["SEMATIC_CONFIG_DIR"] = ".sematic"
    address = os.environ["SEMATIC_API_ADDRESS"] = f"http://127.0.0.1:{os.environ['PORT']}"
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=sys.stderr)
    try:
        wait_for(address, server)
        print(json.dumps({"seconds": measure(int(sys.argv[1]))}))
    finally:
        server.terminate()
        server.wait()
