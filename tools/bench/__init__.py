"""What Sematic costs, beside the least it could cost: `python -m tools.bench` (docs/benchmarks.md)."""
