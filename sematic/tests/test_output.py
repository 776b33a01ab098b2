"""What programs print, with streams of every kind: it is seen where it would have been, kept, and given back."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest

import sematic
from sematic.tests.programs import Programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = Programs(tmp_path)
    for name, value in {"SEMATIC_HOME": str(found.home), "SEMATIC_PROGRESS": "quiet"}.items():
        monkeypatch.setenv(name, value)
    return found


@sematic.func
def speak(word: str) -> str:
    print(word)
    os.system(f"echo child of {word}")
    sys.stdout.writelines(["one\n", "two\n"])
    print(f"{word}, aside", file=sys.stderr)
    return word


SPOKEN = "{0}\nchild of {0}\none\ntwo\n"


def test_a_test_runner_that_captures_descriptors_sees_everything_once(
    programs: Programs, capfd: pytest.CaptureFixture[str]
) -> None:
    sematic.resolve(speak("a"))
    assert capfd.readouterr() == (SPOKEN.format("a"), "a, aside\n")
    assert programs.output() == (SPOKEN.format("a"), "a, aside\n")
    print("later")
    assert capfd.readouterr() == ("later\n", "")


def test_a_test_runner_that_replaces_the_streams_sees_what_is_written_to_them_once(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = sys.stdout
    sematic.resolve(speak("b"))
    assert capsys.readouterr() == ("b\none\ntwo\n", "b, aside\n")
    assert programs.output() == (SPOKEN.format("b"), "b, aside\n")
    assert sys.stdout is stdout


kept: list[object] = []


@sematic.func
def keep_stdout() -> None:
    kept.append(sys.stdout)


def test_a_stream_that_a_body_kept_writes_into_no_file_of_ours_later(
    programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    sematic.resolve(keep_stdout())
    numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(20)]  # those that the capture had are used again
    try:
        print("later", file=kept.pop())
    finally:
        for number in numbers:
            os.close(number)
    assert capsys.readouterr().out == "later\n"


MANY = """
    import os, sys
    import sematic

    @sematic.func(inline=False)
    def many(n: int) -> int:
        for i in range(n):
            print(i)
        return n

    def main():
        resolver = sematic.LocalResolver(max_parallelism=1) if "workers" in sys.argv else sematic.LocalResolver()
        stdout, descriptor = sys.stdout, place(1)
        assert sematic.resolve(many(1000), resolver) == 1000
        assert sys.stdout is stdout
        assert place(1) == descriptor or (descriptor is None and place(1) == os.devnull)  # SQLite fills closed ones
        print("later", flush=True)

    def place(number):
        try:
            return os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            return None

    if __name__ == "__main__":
        main()
"""

NUMBERS = "".join(f"{i}\n" for i in range(1000))


@pytest.mark.parametrize("where", ["here", "workers"])
def test_a_pipe_that_nobody_reads_any_more_is_given_back_as_it_was(programs: Programs, where: str) -> None:
    programs.write(main=MANY)
    reader, writer = os.pipe()
    os.close(reader)
    done = programs.run("main.py", where, stdout=writer)
    os.close(writer)
    assert programs.states() == ["RESOLVED"]
    assert programs.output() == (NUMBERS, "")
    assert "BrokenPipeError" in done.stderr  # of the program's own print, as without us


@pytest.mark.parametrize("where", ["here", "workers"])
@pytest.mark.parametrize("closed", [">&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_were_closed_at_the_start(programs: Programs, closed: str, where: str) -> None:
    programs.write(main=MANY)
    shell = f'"$0" main.py {where} {closed}; echo $? > code'
    programs.run("-c", f"import os, sys; os.execlp('sh', 'sh', '-c', {shell!r}, sys.executable)")
    assert (programs.folder / "code").read_text() == "0\n"
    assert programs.states() == ["RESOLVED"]
    assert programs.output() == (NUMBERS, "")


def test_nothing_is_left_open_or_running_after_many_pipelines(programs: Programs) -> None:
    programs.write(
        main="""
            import os, sys, threading
            import sematic

            @sematic.func(inline=False, timeout=60)
            def good(a: int) -> int:
                print(a)
                return a

            @sematic.func
            def bad() -> int:
                raise ValueError

            def resolve_some(resolver, n):
                for i in range(n):
                    assert sematic.resolve(good(i), resolver) == i
                    try:
                        sematic.resolve(bad(), resolver)
                    except ValueError:
                        pass

            def held():
                return sorted(os.listdir("/proc/self/fd")), [thread.name for thread in threading.enumerate()]

            def children():
                with open(f"/proc/self/task/{os.getpid()}/children") as file:
                    return file.read()

            if __name__ == "__main__":
                for resolver, n in (
                    (sematic.SilentResolver(), 200),
                    (sematic.LocalResolver(), 40),
                    (sematic.LocalResolver(max_parallelism=1), 5),
                ):
                    resolve_some(resolver, 1)
                    before = held()
                    resolve_some(resolver, n)
                    assert held() == before, (held(), before)
                    assert children() == ""
        """
    )
    programs.good("main.py")


def test_a_terminal_shows_a_tree_that_ends_with_the_result_and_bodies_have_none(programs: Programs) -> None:
    programs.write(
        main="""
            import sys
            import sematic

            @sematic.func
            def leaf(a: int) -> bool:
                sys.stdout.write("unfinished line")
                return sys.stdout.isatty()

            @sematic.func
            def tree(a: int) -> bool:
                return leaf(a)

            assert sys.stdout.isatty()
            print(sematic.resolve(tree(1)))
            assert sys.stdout.isatty()
        """
    )
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with programs.start("main.py", environment={"SEMATIC_PROGRESS": "auto", "TERM": "xterm"}, **streams) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.returncode == 0, shown
    first, *_, end, value = shown.decode().splitlines()
    assert first.startswith("\x1b[1mtree ")
    assert end.startswith("\x1b[32msucceeded\x1b[0m after ")
    assert value == "False"
    assert programs.output() == ("unfinished line", "")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # its other side is closed
        return b""
