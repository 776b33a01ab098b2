"""A Metaflow flow of linear steps, run as its users run it: each step is a process."""

# mypy: ignore-errors

import json
import subprocess
import sys
import time
from pathlib import Path


def program(n: int) -> str:
    lines = ["from metaflow import FlowSpec, step", "class Chain(FlowSpec):"]
    names = ["start", *(f"s{i}" for i in range(1, n - 1)), "end"]
    for i, name in enumerate(names):
        lines += ["    @step", f"    def {name}(self):", f"        self.x = {'self.x' if i else 0} + 1"]
        if name != "end":
            lines.append(f"        self.next(self.{names[i + 1]})")
    return "\n".join([*lines, "if __name__ == '__main__':", "    Chain()", ""])


if __name__ == "__main__":
    Path("flow.py").write_text(program(int(sys.argv[1])))
    begun = time.perf_counter()
    subprocess.run([sys.executable, "flow.py", "--quiet", "run"], check=True, stdout=sys.stderr)
    print(json.dumps({"seconds": time.perf_counter() - begun}))
