"""What a user of the installed wheel writes; run by a Python that has nothing but the wheel and what it needs."""

import sys

import sematic


@sematic.func
def double(number: int) -> int:
    return 2 * number


@sematic.func
def total(numbers: list[int]) -> int:
    return sum(numbers)


@sematic.func
def pipeline(count: int) -> int:
    return total([double(number) for number in range(count)])


if __name__ == "__main__":
    print(sematic.resolve(pipeline(5), sematic.SilentResolver()))
    print(sematic.resolve(pipeline(6)))
    print(sorted({"sqlalchemy", "alembic"} & set(sys.modules)))
