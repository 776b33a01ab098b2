"""Where Sematic keeps its files, and the few settings a user may change.

They are kept in ``$SEMATIC_HOME/settings.json``; the environment variable ``SEMATIC_<NAME>`` goes before the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from sematic.errors import SettingsError

Value: TypeAlias = str | int | bool | None

_SWITCH = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}


class Setting(NamedTuple):
    """A setting that exists. `type` is ``switch``, ``int``, ``text``, or the words that may be chosen."""

    name: str
    type: str | tuple[str, ...]
    default: Value
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return f"SEMATIC_{self.name.upper()}"

    def parse(self, text: str, where: str) -> Value:
        """The value that `text` stands for. Raises SettingsError."""
        if self.type == "switch":
            return self._switch(text, where)
        if self.type == "int":
            return self._int(text, where)
        if isinstance(self.type, tuple) and text not in self.type:
            raise self._refused(text, where, f"one of {', '.join(self.type)}")
        return text

    def _switch(self, text: str, where: str) -> bool:
        if text.lower() not in _SWITCH:
            raise self._refused(text, where, "on or off")
        return _SWITCH[text.lower()]

    def _int(self, text: str, where: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise self._refused(text, where, "a whole number of at least 1")
        return int(text)

    def _refused(self, text: str, where: str, expected: str) -> SettingsError:
        given = "" if self.secret else f", not {text!r}"
        return SettingsError(f"{self.name} ({where}) must be {expected}{given}")


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("home", "text", None, "the folder for everything local; only as environment variable SEMATIC_HOME"),
        Setting("output_capture", "switch", True, "keep what functions print with their runs"),
        Setting("progress", ("auto", "lines", "tree", "quiet"), "auto", "how progress is shown"),
        Setting("max_parallelism", "int", None, "worker processes for functions with inline=False; none: in-process"),
        Setting("api_address", "text", None, "the address of your team's server"),
        Setting("api_token", "text", None, "the token your team's server knows you by", secret=True),
    )
}


class Shown(NamedTuple):
    """A setting for people: secrets masked, and where the value comes from."""

    name: str
    value: Value
    source: str
    help: str


def home() -> Path:
    """The folder for everything local: SEMATIC_HOME, else ~/.sematic. It may not exist yet. Raises SettingsError."""
    given = os.environ.get("SEMATIC_HOME")
    try:
        return Path(given or "~/.sematic").expanduser().absolute()
    except RuntimeError as error:
        raise SettingsError(
            f"the folder {given or '~/.sematic'} cannot be found: nobody knows where that home is. Set SEMATIC_HOME to "
            "the path of a folder that can be written"
        ) from error


def get(name: str) -> Value:
    """The value in force: environment, file, default. Raises SettingsError."""
    return _found(_known(name), _load())[0]


def set(name: str, text: str) -> None:
    """Keep a setting in the file. Raises SettingsError."""
    setting = _kept(name)
    value = setting.parse(text, "given")
    with _changing() as values:
        values[name] = value


def unset(name: str) -> None:
    """Take a setting out of the file; the default is in force again."""
    setting = _kept(name)
    with _changing() as values:
        values.pop(setting.name, None)


def shown() -> list[Shown]:
    """All settings with their values, secrets masked."""
    values = _load()
    return [_shown(setting, values) for setting in SETTINGS.values()]


def _shown(setting: Setting, values: dict[str, Value]) -> Shown:
    value, source = _found(setting, values)
    return Shown(setting.name, "********" if setting.secret and value else value, source, setting.help)


def _found(setting: Setting, values: dict[str, Value]) -> tuple[Value, str]:
    if setting.name == "home":
        return str(home()), "environment" if os.environ.get("SEMATIC_HOME") else "default"
    text = os.environ.get(setting.variable)
    if text:
        return setting.parse(text, setting.variable), "environment"
    if setting.name in values:
        return values[setting.name], "file"
    return setting.default, "default"


def _known(name: str) -> Setting:
    if name not in SETTINGS:
        raise SettingsError(f"there is no setting {name!r}; known are {', '.join(SETTINGS)}")
    return SETTINGS[name]


def _kept(name: str) -> Setting:
    setting = _known(name)
    if name == "home":
        raise SettingsError("home cannot be kept in the file, which lies in it: set SEMATIC_HOME in the environment")
    return setting


def _path() -> Path:
    return home() / "settings.json"


def _load() -> dict[str, Value]:
    """What the file says; settings it does not know (a newer Sematic wrote them) are left alone."""
    path = _path()
    try:
        values = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the settings in {path} cannot be read ({error}): correct the file or remove it"
        ) from error
    if not isinstance(values, dict):
        raise SettingsError(f"the settings in {path} are not a JSON object: correct the file or remove it")
    return {name: _checked(name, value, path) for name, value in values.items()}


def _checked(name: str, value: Value, path: Path) -> Value:
    setting = SETTINGS.get(name)
    if setting is None:
        return value
    text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
    return setting.parse(text, str(path))


@contextmanager
def _changing() -> Iterator[dict[str, Value]]:
    """The values, written whole when the block ends; one process at a time. Only the user may read the file."""
    import fcntl

    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            values = _load()
            yield values
            temporary = path.with_suffix(".tmp")
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(json.dumps(values, indent=2) + "\n")
            temporary.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}): check the folder's permissions") from error
