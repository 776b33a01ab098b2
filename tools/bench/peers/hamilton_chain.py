"""A chain of Hamilton functions with its cache, which records each node's code, inputs and result on disk."""

# mypy: ignore-errors

import json
import sys
import time
from pathlib import Path

from hamilton import ad_hoc_utils, driver


def functions(n: int) -> list:
    text = "def step_0() -> int:\n    return 1\n"
    for i in range(1, n):
        text += f"def step_{i}(step_{i - 1}: int) -> int:\n    return step_{i - 1} + 1\n"
    Path("chain_module.py").write_text(text)
    sys.path.insert(0, "")
    import chain_module

    return [getattr(chain_module, f"step_{i}") for i in range(n)]


if __name__ == "__main__":
    n = int(sys.argv[1])
    sys.setrecursionlimit(20 * n + 10_000)
    module = ad_hoc_utils.create_temporary_module(*functions(n), module_name="chain")
    begun = time.perf_counter()
    runner = driver.Builder().with_modules(module).with_cache(path="cache").build()
    found = runner.execute([f"step_{n - 1}"])
    seconds = time.perf_counter() - begun
    if found[f"step_{n - 1}"] != n:
        sys.exit("the chain gave the wrong value")
    print(json.dumps({"seconds": seconds}))
