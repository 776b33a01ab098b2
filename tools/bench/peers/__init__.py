"""The same chain as others run and record it on one machine, each installed in a venv of its own."""
