"""The smallest tracked pipeline, as a whole program."""

import sematic


@sematic.func
def greet(name: str) -> str:
    return f"hello {name}"


if __name__ == "__main__":
    greet.future("world").resolve()
