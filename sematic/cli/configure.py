"""``sematic settings`` and ``sematic version``."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys

import click

from sematic import settings as kept
from sematic.cli.screen import on_terminal, say, say_json, table
from sematic.home import LEDGER_FILE
from sematic.version import __version__


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: name, value, source, help.")
@click.pass_context
def settings(ctx: click.Context, as_json: bool) -> None:
    """List, set and unset settings. SEMATIC_<NAME> in the environment goes before what is set here.

    On a pipe the columns are: name, value, where it comes from (environment, file, default), help.
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@settings.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: name, value, source, help.")
def list_settings(as_json: bool) -> None:
    """List all settings; secrets are masked."""
    _list(as_json)


def _list(as_json: bool) -> None:
    shown = kept.shown()
    if as_json:
        for each in shown:
            say(json.dumps(each._asdict()))
    else:
        table(["NAME", "VALUE", "FROM", "MEANING"], [_row(each) for each in shown])


def _row(each: kept.Shown) -> list[str]:
    value = {True: "on", False: "off", None: "-" if on_terminal() else ""}.get(each.value, str(each.value))  # type: ignore[arg-type]
    return [each.name, value, each.source, each.help]


@settings.command("set")
@click.argument("name")
@click.argument("value")
def set_setting(name: str, value: str) -> None:
    """Keep a setting in $SEMATIC_HOME/settings.json."""
    kept.set(name, value)


@settings.command("unset")
@click.argument("name")
def unset_setting(name: str) -> None:
    """Go back to the default."""
    kept.unset(name)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document: version, python, home, schema.")
def version(as_json: bool) -> None:
    """Say which Sematic, Python, home and ledger schema these are."""
    facts = {
        "version": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "home": str(kept.home()),
        "schema": _schema(),
    }
    if as_json:
        say_json(facts)
        return
    schema = "none recorded yet" if facts["schema"] is None else facts["schema"]
    for name, text in (facts | {"schema": schema}).items():
        say(f"{name}\t{text}" if not on_terminal() else f"{name:9}{text}")


def _schema() -> int | None:
    """The schema of the ledger, whatever it is: also one that is too new to be opened."""
    path = kept.home() / LEDGER_FILE
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            found: int = connection.execute("PRAGMA user_version").fetchone()[0]
            return found
        finally:
            connection.close()
    except sqlite3.Error:
        return None
