"""The smallest pipeline: two functions, one of which calls the other."""

import sematic


@sematic.func
def greeting(name: str) -> str:
    return f"Hello, {name}!"


@sematic.func
def joined(greetings: list[str]) -> str:
    return "\n".join(greetings)


@sematic.func
def pipeline(names: list[str]) -> str:
    """Greet everybody: one run a name, and one that puts the greetings together."""
    return joined([greeting(name) for name in names])
