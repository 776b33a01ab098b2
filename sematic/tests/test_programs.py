"""How programs start: whatever way that is, their functions and classes are found, here and in workers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from sematic.tests.programs import Programs

MAIN = """
    import dataclasses, enum, os, sys, typing
    import sematic

    @dataclasses.dataclass
    class Config:
        size: int

    class Colour(enum.Enum):
        RED = 1

    class Pair(typing.NamedTuple):
        colour: Colour
        config: Config

    import {package}other

    @sematic.func(inline=False)
    def pair(config: Config, colour: Colour) -> Pair:
        assert type(config) is Config and colour is Colour.RED
        return Pair(colour, config)

    @sematic.func(inline=False)
    def seen(pair: Pair) -> list[str]:
        return [str(pair.config.size), pair.colour.name, __name__, os.getcwd(), *sys.argv[1:]]

    @sematic.func
    def pipeline(n: int) -> list[str]:
        return seen(pair({package}other.doubled(Config(n)), Colour.RED))

    RESOLVERS = {{
        "silent": sematic.SilentResolver,
        "local": sematic.LocalResolver,
        "workers": lambda: sematic.LocalResolver(max_parallelism=2),
    }}

    if __name__ == "__main__":
        assert sys.stdin.read() == ""
        print("|".join(sematic.resolve(pipeline(3), RESOLVERS[sys.argv[1]]())))
"""

OTHER = """
    import importlib
    import sematic

    main = importlib.import_module("{main}")

    @sematic.func(inline=False)
    def doubled(config: main.Config) -> main.Config:
        return main.Config(config.size * 2)
"""

WORKERS = "sematic.LocalResolver(max_parallelism=2)"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def script(programs: Programs) -> tuple[str, ...]:
    programs.write(**{"my folder__my main": MAIN.format(package=""), "my folder__other": OTHER.format(main="my main")})
    return ("my folder/my main.py",)


def module(programs: Programs) -> tuple[str, ...]:
    programs.write(pkg__main=MAIN.format(package="pkg."), pkg__other=OTHER.format(main="pkg.main"), pkg____init__="")
    return ("-m", "pkg.main")


@pytest.mark.parametrize("resolver", ["silent", "local", "workers"])
@pytest.mark.parametrize(("start", "name"), [(script, "my main"), (module, "pkg.main")], ids=["script", "module"])
def test_the_entry_module_is_one_module_wherever_it_is_used(
    programs: Programs, start: object, name: str, resolver: str
) -> None:
    arguments = start(programs)
    found = programs.good(*arguments, resolver, "a b", "--x=ü").split("|")
    here = "__main__" if resolver != "workers" else name
    assert found == ["6", "RED", here, str(programs.folder), resolver, "a b", "--x=ü"]


def test_a_script_inside_of_a_package_on_the_path(programs: Programs) -> None:
    module(programs)
    path = f"{programs.environment()['PYTHONPATH']}:{programs.folder}"
    found = programs.good("pkg/main.py", "workers", environment={"PYTHONPATH": path})
    assert found.split("|")[:3] == ["6", "RED", "pkg.main"]


def test_a_submodule_that_is_the_entry_module_is_an_attribute_of_its_package(programs: Programs) -> None:
    programs.write(pkg__main="import sematic, pkg.main; print(pkg.main.__name__)", pkg____init__="")
    assert programs.good("-m", "pkg.main") == "__main__"


def test_an_entry_module_that_is_imported_before_sematic_is_and_so_twice_says_what_is_wrong(programs: Programs) -> None:
    programs.write(
        config="""
            import dataclasses
            if __name__ == "__main__":
                import config
            import sematic

            @dataclasses.dataclass
            class Config:
                size: int

            @sematic.func
            def f(config: Config) -> int:
                return config.size

            if __name__ == "__main__":
                config.f(Config(1))
        """
    )
    assert programs.bad("config.py") == (
        "sematic.errors.ConversionError: f(config): expected Config, got Config Config(size=1) (of another class of "
        "that name, from module __main__; is it imported twice?)"
    )


CONSOLE = f"""
import sematic

@sematic.func(inline=False)
def f(a: int) -> int:
    return a + 1

print(sematic.resolve(f(1)))
print(sematic.resolve(f(1), {WORKERS}))
"""


@pytest.mark.parametrize("how", ["stdin", "argument", "no ending", "dotted name", "ipython"])
def test_what_no_worker_can_import_is_a_clear_error_at_once(programs: Programs, how: str) -> None:
    program = CONSOLE
    if how == "ipython":
        if importlib.util.find_spec("IPython") is None:  # not among the test's requirements: run as it would run it
            program = f"exec(compile({CONSOLE!r}, '<ipython-input-1>', 'exec'), vars(__import__('__main__')))"
            how = "argument"
        else:
            done = programs.run("-m", "IPython", "--no-banner", "--simple-prompt", "--colors=NoColor", "-c", CONSOLE)
    if how == "argument":
        done = programs.run("-c", program)
    elif how == "stdin":
        done = programs.run("-", input=program)
    elif how == "no ending":
        (programs.folder / "train").write_text(program)
        done = programs.run("train")
    elif how == "dotted name":
        (programs.folder / "train.v2.py").write_text(program)
        done = programs.run("train.v2.py")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "2"
    problem = "f was defined in a console, or in a program that no other process can import; put it in a module"
    assert problem in done.stdout + done.stderr
    assert programs.states() == ["FAILED", "RESOLVED"]


GUARDED = """
    import sys
    import sematic
    import helper

    @sematic.func(inline=False)
    def f(a: int) -> int:
        return a

    if __name__ == "__main__":
        sematic.resolve(f(1), sematic.LocalResolver(max_parallelism=2))
"""


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("exec('def (')", "SyntaxError: invalid syntax (<string>, line 1)"),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        (
            "sys.exit(3)",
            "sematic.errors.BodyExited: the program exits when a worker imports it (sys.exit(3)); put what it does "
            "under `if __name__ == '__main__':`, so that it can be imported",
        ),
    ],
)
def test_a_program_that_a_worker_cannot_import_fails_once_and_says_why(
    programs: Programs, problem: str, message: str
) -> None:
    programs.write(main=GUARDED, helper=f"import sys\nif 'sematic.worker' in sys.modules:\n    {problem}")
    assert programs.bad("main.py") == f"sematic.errors.RunFailed: f: {message}"
    (run,) = programs.runs()["f"]
    assert run.attempt == 1


def test_a_program_without_a_guard_is_told_to_have_one(programs: Programs) -> None:
    programs.write(main=CONSOLE)
    assert "under `if __name__ == '__main__':`" in programs.bad("main.py")


def test_flags_and_environment_are_the_same_in_a_worker(programs: Programs) -> None:
    programs.write(
        main=f"""
            import os, sys
            from absl import app, flags
            import sematic

            flags.DEFINE_integer("size", 1, "")
            flags.DEFINE_string("name", None, "", required=True)

            @sematic.func(inline=False)
            def seen() -> list[str]:
                this = (flags.FLAGS.size, flags.FLAGS.name, os.environ["SET_LATE"], os.getcwd(), sys.path[-1])
                return [str(each) for each in (*this, sys.flags.optimize, sys.warnoptions)]

            def main(argv: list[str]) -> None:
                os.environ["SET_LATE"] = "yes"
                os.mkdir("below")
                os.chdir("below")
                sys.path.append("/added")
                here = sematic.resolve(seen(), sematic.SilentResolver())
                there = sematic.resolve(seen(), {WORKERS})
                assert here == there, there
                print("|".join(there[:3]))

            if __name__ == "__main__":
                app.run(main)
        """
    )
    assert programs.good("-O", "-W", "error", "main.py", "--size", "7", "--name=a b") == "7|a b|yes"
