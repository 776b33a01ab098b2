"""Values that one process recorded are read by another, whatever the size of their parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sematic.engine.changes import ArtifactsAdded, PipelineRunAdded
from sematic.engine.records import PipelineRun
from sematic.engine.states import State
from sematic.home import Home
from sematic.types.artifact import ELEMENT_LIMIT, encode
from sematic.types.registry import of

READ = """
import sys
from pathlib import Path
from sematic.home import Home
from sematic.types.artifact import load
with Home(Path(sys.argv[1])) as home:
    print([array.size for array in load(home.ledger.artifact(sys.argv[2]), home.store)])
"""


@pytest.mark.parametrize("size", [10, ELEMENT_LIMIT, 10 * ELEMENT_LIMIT, 100 * ELEMENT_LIMIT])
def test_parts_of_any_size_are_found_again(tmp_path: Path, size: int) -> None:
    root = "0" * 32
    with Home(tmp_path) as home:
        artifact = encode(of(list[np.ndarray]), [np.zeros(size, np.uint8), np.ones(3)], home.store)
        pipeline_run = PipelineRun(root, "m:f", State.RUNNING, 0.0, None, "local")
        home.ledger.commit(root, [PipelineRunAdded(pipeline_run), ArtifactsAdded([artifact])])
    command = [sys.executable, "-c", READ, str(tmp_path), artifact.id]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert found.stdout.strip() == f"[{size}, 3]"
