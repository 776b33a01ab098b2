"""The parity gate: runs a pipeline as its image has it, and tells what would fail only there."""
