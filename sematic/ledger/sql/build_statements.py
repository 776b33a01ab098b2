"""What Bazel runs to compile the ledger's statements: ``build_statements FILE``."""

import sys
from pathlib import Path

from sematic.ledger.sql.compiled import compile_all, keep

if __name__ == "__main__":
    keep(Path(sys.argv[1]), compile_all())
