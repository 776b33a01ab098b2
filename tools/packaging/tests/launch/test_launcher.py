"""What a program sees of the launcher that started it: nothing but three variables."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tools.packaging.tests.launch.built import LABEL, REPOSITORY, Built, expanded, write
from tools.packaging.tests.registry.pushing import data, image
from tools.packaging.tests.registry.scripted import Registry, hang

NO_PUSH = "#!/bin/sh\n"
SEEN = """
import os, sys
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
print({
    "arguments": [os.fsencode(argument) for argument in sys.argv[1:]],
    "environment": dict(os.environb),
    "open": [number for number in range(256) if is_open(number)],
    "folder": os.getcwd(),
    "input": sys.stdin.read() if sys.argv[1:] == ["read"] else "",
    "pid": os.getpid(),
    "state": open(os.environ["SEMATIC_PUSH"]).read() if "SEMATIC_PUSH" in os.environ else None,
})
"""
ODD = [
    b"a b", b"", b"'", b'"', b"\\", b"\\n", b"\n", b"x\n", b"\t", b"--", b"-n", b"-e", b"*", b"$HOME", b"$(id)", b"`id`",
    b";", b"&", b"|", b"!", b"#", b"~", b"\xc3\xa9\xe2\x9c\x93", b"\xff\xfe", b"a=b", b"@TARGET@", b" lead", b"trail ",
]  # fmt: skip


@pytest.fixture
def seen(built: Built, shell: tuple[str, ...]) -> Built:
    built.pusher, built.shell = NO_PUSH, shell
    built.environment["LC_ALL"] = "C.UTF-8"
    return built.python(SEEN).build()


def told(built: Built, *arguments: Any, **options: Any) -> dict[str, Any]:
    ran = subprocess.run(
        [*built.command, *arguments],
        **{"env": built.env, "stdout": subprocess.PIPE, "check": True, "timeout": 60, **options},
    )
    found: dict[str, Any] = ast.literal_eval(ran.stdout.decode())
    return found


def test_arguments_are_passed_byte_for_byte(seen: Built) -> None:
    assert told(seen, *ODD)["arguments"] == ODD
    for argument in (b"", b"--", b"-n", b"\n"):
        assert told(seen, argument)["arguments"] == [argument]


def test_no_arguments(seen: Built) -> None:
    assert told(seen)["arguments"] == []


def test_two_thousand_arguments(seen: Built) -> None:
    many = [b"%d %s" % (number, bytes([33 + number % 90]) * 40) for number in range(2000)]
    assert told(seen, *many)["arguments"] == many


def test_exit_codes(built: Built, shell: tuple[str, ...]) -> None:
    built.pusher, built.shell, built.program = NO_PUSH, shell, '#!/bin/sh\nexit "$1"\n'
    built.build()
    assert [built.run(str(code)).returncode for code in range(256)] == list(range(256))


def test_process_is_the_programs_own(seen: Built) -> None:
    with seen.start(stdout=subprocess.PIPE) as process:
        said, _ = process.communicate(timeout=60)
    found = ast.literal_eval(said)
    assert found["pid"] == process.pid
    assert found["environment"][b"SEMATIC_PUSH"] == os.fsencode(seen.states / str(process.pid))


def test_standard_input_is_the_programs(seen: Built) -> None:
    assert told(seen, "read", input=b"one\ntwo")["input"] == "one\ntwo"


def test_standard_input_that_is_closed_stays_closed(seen: Built) -> None:
    assert told(seen, preexec_fn=lambda: os.close(0))["open"] == [1, 2]


def test_working_folder_is_as_it_was(seen: Built, tmp_path: Path) -> None:
    assert told(seen, cwd=tmp_path)["folder"] == str(tmp_path)


def test_no_file_is_open_that_was_not_given(seen: Built) -> None:
    assert told(seen)["open"] == [0, 1, 2]
    reading, writing = os.pipe()
    assert told(seen, pass_fds=(writing,))["open"] == [0, 1, 2, writing]
    os.close(reading)
    os.close(writing)


def test_environment_is_as_it_was_but_for_three_variables(seen: Built) -> None:
    names = "digest folder follow image images link pid plan program pusher runfiles self state tag target name".split()
    seen.environment |= {name: f"{name}'s own" for name in names} | {name.upper(): "x\ny" for name in names}
    seen.environment |= {
        "PWD": os.getcwd(),
        "SHLVL": "3",
        "BUILD_WORKING_DIRECTORY": "/some where",
        "RUNFILES_DIR": "/r",
    }
    found = {os.fsdecode(name): os.fsdecode(value) for name, value in told(seen)["environment"].items()}
    found.pop("_", None)  # A shell's word for what it runs,
    found["SHLVL"] = "3"  # and busybox's count of shells.
    ours = {name: found.pop(name) for name in list(found) if name.startswith("SEMATIC_")}
    assert found == seen.env
    assert ours == {
        "SEMATIC_CONTAINER_IMAGE": f"{seen.registry}/{REPOSITORY}@{seen.images['default'].digest}",
        "SEMATIC_PIPELINE_TARGET": LABEL,
        "SEMATIC_PUSH": ours["SEMATIC_PUSH"],
    }


def test_signal_masks_and_handlers_are_as_they_were(built: Built, shell: tuple[str, ...]) -> None:
    program = "import signal\nprint([number for number in range(1, 32) if signal.getsignal(number) == signal.SIG_IGN])"
    built.pusher, built.shell = NO_PUSH, shell
    direct = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert built.python(program).build().run().stdout == direct.decode()


def test_several_images(built: Built, shell: tuple[str, ...]) -> None:
    built.images = {"default": image(data(1)), "gpu": image(data(2)), "large-memory": image(data(3))}
    built.pusher, built.shell = NO_PUSH, shell
    told_images = told(built.python(SEEN).build())["environment"][b"SEMATIC_CONTAINER_IMAGE"].decode()
    assert told_images == " ".join(
        f"{tag}={built.registry}/{REPOSITORY}@{each.digest}" for tag, each in built.images.items()
    )


def test_only_image_is_not_the_default(built: Built) -> None:
    built.images, built.pusher = {"gpu": image(data(1))}, NO_PUSH
    told_image = told(built.python(SEEN).build())["environment"][b"SEMATIC_CONTAINER_IMAGE"].decode()
    assert told_image == f"gpu={built.registry}/{REPOSITORY}@{built.images['gpu'].digest}"


# Finding its files


def test_through_links(seen: Built, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(seen.launcher)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/second").symlink_to("../first")
    for link in (tmp_path / "first", tmp_path / "deep/second"):
        ran = subprocess.run([*seen.shell, link, "x"], env=seen.env, capture_output=True, check=True)
        assert ast.literal_eval(ran.stdout.decode())["arguments"] == [b"x"]


def test_by_a_relative_path(seen: Built) -> None:
    ran = subprocess.run(
        [*seen.shell, "./main"], env=seen.env, cwd=seen.launcher.parent, capture_output=True, check=True
    )
    assert ast.literal_eval(ran.stdout.decode())["folder"] == str(seen.launcher.parent)


def test_on_the_path(seen: Built) -> None:
    environment = {**seen.env, "PATH": f"{seen.launcher.parent}:/usr/bin:/bin"}
    subprocess.run(["main"], env=environment, executable=None, capture_output=True, check=True)


def test_within_the_runfiles_of_another(seen: Built, tmp_path: Path) -> None:
    outer = tmp_path / "outer.runfiles"
    seen.runfiles.rename(outer)
    seen.launcher.rename(outer / "_main/main")
    ran = subprocess.run([*seen.shell, outer / "_main/main"], env=seen.env, capture_output=True, check=True)
    assert ast.literal_eval(ran.stdout.decode())["pid"]


def test_runfiles_that_the_environment_names(seen: Built, tmp_path: Path) -> None:
    seen.runfiles.rename(tmp_path / "elsewhere")
    seen.environment["RUNFILES_DIR"] = str(tmp_path / "elsewhere")
    assert told(seen)["arguments"] == []


def test_own_runfiles_come_before_those_of_who_started_it(seen: Built, tmp_path: Path) -> None:
    other = Built(tmp_path / "other", pusher=NO_PUSH, program="#!/bin/sh\necho the other\n").build()
    seen.environment["RUNFILES_DIR"] = str(other.runfiles)
    assert told(seen)["arguments"] == []


def test_no_runfiles(seen: Built) -> None:
    seen.runfiles.rename(seen.folder / "gone")
    ran = seen.run()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"{LABEL}: its runfiles are not at {seen.launcher}.runfiles: run it with `bazel run {LABEL}`\n"
    )


def test_manifest_of_runfiles_alone(seen: Built) -> None:
    seen.runfiles.rename(seen.folder / "gone")
    seen.environment["RUNFILES_MANIFEST_FILE"] = f"{seen.runfiles}_manifest"
    ran = seen.run()
    assert ran.returncode == 1
    assert "there is only a manifest of its runfiles: build it with --build_runfile_links" in ran.stderr


@pytest.mark.parametrize("content", [None, "", "md5:1", "\n"])
def test_digest_that_is_none(seen: Built, content: str | None) -> None:
    digest = seen.runfiles / "_main/default/digest"
    digest.unlink()
    if content is not None:
        digest.write_text(content)
    ran = seen.run()
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"{LABEL}: {digest} holds no digest of an image: build it again\n"


def test_digest_with_a_newline(seen: Built) -> None:
    digest = seen.runfiles / "_main/default/digest"
    digest.write_text(digest.read_text() + "\n")
    assert told(seen)["environment"][b"SEMATIC_CONTAINER_IMAGE"].endswith(seen.images["default"].digest.encode())


def test_words_that_need_quoting(built: Built, shell: tuple[str, ...]) -> None:
    built.pusher, built.shell = NO_PUSH, shell
    built.python(SEEN).build()
    (built.runfiles / "_main").rename(built.runfiles / "it's $HOME `id` \\n")
    text = expanded(
        TARGET="'//it'\\''s:main'",
        PLAN="'it'\\''s $HOME `id` \\n/push.json'",
        PUSHER="'it'\\''s $HOME `id` \\n/push'",
        PROGRAM="'it'\\''s $HOME `id` \\n/program'",
        IMAGES="sematic_image 'default' 'r:1/team/app' 'it'\\''s $HOME `id` \\n/default/digest'",
    )
    write(built.launcher, text, 0o755)
    assert told(built)["environment"][b"SEMATIC_PIPELINE_TARGET"] == b"//it's:main"


def test_a_target_that_only_pushes(built: Built, shell: tuple[str, ...]) -> None:
    built.shell, built.pusher = shell, f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n"
    built.build()
    text = expanded(TARGET=f"'{LABEL}_push'", PLAN="'_main/push.json'", PUSHER="'_main/push'", PROGRAM="''", IMAGES="")
    write(built.launcher, text, 0o755)
    ran = built.run("a b")
    plan = ["--plan", f"{built.runfiles}/_main/push.json", "--runfiles", str(built.runfiles)]
    assert ast.literal_eval(ran.stdout) == [*plan, "a b"]
    assert not built.states.exists()


# The state file


def test_state_folder_is_made(seen: Built) -> None:
    assert told(seen)["state"] == ""
    assert seen.states.is_dir()


def test_cache_folder_that_the_environment_names(seen: Built, tmp_path: Path) -> None:
    seen.environment["XDG_CACHE_HOME"] = str(tmp_path / "ca che")
    state = told(seen)["environment"][b"SEMATIC_PUSH"].decode()
    assert state.startswith(str(tmp_path / "ca che/sematic/push/"))
    seen.environment["XDG_CACHE_HOME"] = "relative"  # Which its specification says to pass over.
    assert told(seen)["environment"][b"SEMATIC_PUSH"].decode().startswith(str(seen.states))


def test_state_folder_that_cannot_be_made(seen: Built) -> None:
    write(seen.home / ".cache/sematic", "a file")
    seen.environment["SEMATIC_PUSH"] = "/that/of/a/program/around"
    ran = seen.run()
    found = ast.literal_eval(ran.stdout)
    assert ran.returncode == 0
    assert b"SEMATIC_PUSH" not in found["environment"]
    assert found["environment"][b"SEMATIC_CONTAINER_IMAGE"]
    assert ran.stderr.startswith(f"{LABEL}: {seen.states}/{found['pid']} cannot be written, so the image is not pushed")
    assert "set XDG_CACHE_HOME" in ran.stderr


def test_state_of_an_earlier_program_of_that_number_is_emptied(seen: Built) -> None:
    seen.states.mkdir(parents=True)
    command = 'echo \'{"state": "pushed"}\' >"$0/$$"; exec "$@"'
    ran = subprocess.run(["/bin/sh", "-c", command, seen.states, *seen.command], env=seen.env, capture_output=True)
    assert ast.literal_eval(ran.stdout.decode())["state"] == ""


def test_no_other_program_is_needed(built: Built, shell: tuple[str, ...]) -> None:
    """Whatever is not built into the shell would cost a process each time."""
    built.pusher, built.shell = NO_PUSH, shell
    built.states.mkdir(parents=True)
    built.environment["PATH"] = "/nowhere"
    ran = built.python(SEEN).build().run()
    assert (ran.returncode, ran.stderr) == (0, "")


def test_program_that_is_missing(built: Built, shell: tuple[str, ...]) -> None:
    built.shell = shell
    (built.build().runfiles / "_main/program").unlink()
    ran = built.run()
    assert ran.returncode == 127
    assert f"{built.runfiles}/_main/program" in ran.stderr
    assert list(built.states.iterdir()) == []


def test_registry_is_not_waited_for(built: Built, registry: Registry) -> None:
    registry.fault("", hang(threading.Event()), times=1000)
    ran = built.python("print('done')").build().run()
    assert (ran.returncode, ran.stdout) == (0, "done\n")
