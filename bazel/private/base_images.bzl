"""Bases of images."""

def base_label(text):
    """The label of a base: a label as it is; None stands for the default base."""
    return text if text != None else Label("@sematic_bases//:default")
