"""A program that only has to be there."""
