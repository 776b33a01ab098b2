"""``sematic token``: who may speak to the server of this home."""

from __future__ import annotations

import time

import click

from sematic import settings
from sematic.cli.screen import say, say_json, table
from sematic.recorded import moment
from sematic.server.state import server_folder
from sematic.server.tokens import Token, Tokens


@click.group()
def token() -> None:
    """Create, list and revoke the tokens by which the server of this home knows its users.

    They are kept where the server runs: call this there.
    """


@token.command()
@click.argument("name")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it counts; for ever by default.")
def create(name: str, days: float | None) -> None:
    """Make a token for NAME and print it. It is shown once: only a hash of it is kept."""
    say(_tokens().create(name, days))


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: id, name, created, expires, state of each.")
def list_tokens(as_json: bool) -> None:
    """List all tokens, oldest first; never the tokens themselves."""
    rows = [_row(each) for each in _tokens().listed()]
    if as_json:
        say_json([dict(zip(("id", "name", "created", "expires", "state"), row, strict=True)) for row in rows])
    else:
        table(["ID", "NAME", "CREATED", "EXPIRES", "STATE"], rows)


@token.command()
@click.argument("which", metavar="NAME|ID")
def revoke(which: str) -> None:
    """The token counts no more, from now on."""
    revoked = _tokens().revoke(which)
    say(f"revoked {revoked.name} ({revoked.id})")


def _tokens() -> Tokens:
    return Tokens(server_folder(settings.home()) / "tokens.json")


def _row(each: Token) -> list[str]:
    return [each.id, each.name, _day(each.created_at), _day(each.expires_at), _state(each)]


def _state(each: Token) -> str:
    if each.revoked_at is not None:
        return "revoked"
    return "expired" if each.problem(time.time()) else "valid"


def _day(at: float | None) -> str:
    found = moment(at)
    return "never" if found is None else found.astimezone().strftime("%Y-%m-%d %H:%M")
