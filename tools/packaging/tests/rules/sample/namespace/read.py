"""Read as a file, by whoever has it in data."""
