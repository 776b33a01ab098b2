"""Base images: what they are described by, fetched without their layers, imported from files, and checked."""
