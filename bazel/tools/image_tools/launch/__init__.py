"""Pushing images beside the program that they are made of."""
