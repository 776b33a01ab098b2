"""What a pipeline's targets are called, and what is wrong with the names that it was given."""

DEFAULT = "default"

# What the macro makes beside the images, by what follows the pipeline's name.
_SUFFIXES = ["", "_contents", "_image_explain", "_local", "_program", "_push", "_test"]

def image_name(name, tag):
    """The target of the image on the base `tag`."""
    return name + "_image" + ("" if tag == DEFAULT else "_" + tag)

def target_names(name, tags):
    """All targets of a pipeline.

    Args:
      name: of the pipeline.
      tags: of its bases.

    Returns:
      a list of names.
    """
    return [name + suffix for suffix in _SUFFIXES] + [image_name(name, tag) for tag in tags]

def bases_problem(base, bases):
    """What is wrong with the bases of a pipeline: a sentence, or None.

    Args:
      base: its argument of that name.
      bases: likewise.

    Returns:
      a sentence, or None.
    """
    if DEFAULT in bases and base != None:
        return "base and bases[\"default\"] name the same thing twice: leave one out."
    for tag in bases:
        if not tag or tag[0] in "-." or [char for char in tag.elems() if not (char.isalnum() or char in "_-.")]:
            return "%r in bases is no tag: letters, digits, '_', and after the first also '-' and '.'." % tag
    return None

def names_problem(name, tags, kinds):
    """What is wrong with the names of a pipeline's targets: a sentence, or None.

    Args:
      name: of the pipeline.
      tags: of its bases.
      kinds: the kind of each target that the package has already, by name.

    Returns:
      a sentence, or None.
    """
    seen = {}
    for target in target_names(name, tags):
        if target in seen:
            return "two of its targets would be called %s: give the base in bases another tag." % target
        if target in kinds:
            return "it makes a target %s, and this package has one already (%s): give one of the two another name." % (
                target,
                kinds[target],
            )
        seen[target] = None
    return None
