"""`quire token`."""

import math
from typing import Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_json, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands, help="Make, list and revoke tokens.", no_args_is_help=True
)
_DAY = 86_400.0


@app.command()
def create(
    user: Annotated[
        str | None, typer.Argument(help="Whom it stands for; by default yourself.")
    ] = None,
    *,
    named: Annotated[
        str | None, typer.Option("--user", help="The same, as an option.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What it admits to; by default all.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Whose runs it may see, too.")
    ] = None,
    service: Annotated[
        str, typer.Option(help="The service that asks in the user's name (Wobbly).")
    ] = "",
    days: Annotated[
        float | None, typer.Option(help="How long it is good; by default for ever.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a token; its secret is printed once, now."""
    from quire.client import tokens
    from quire.client.connection import Connection

    if "" in (user, named):
        # As a script has it whose variable is not set: it would be a token of one's own.
        raise InputError("user", "is empty", "leave it out for a token of your own")
    if days is not None and not 0 < days < math.inf:
        raise InputError("--days", "must be more than 0", "leave it out for ever")
    with Connection() as connection:
        made = tokens.create(
            connection,
            named or user or "",
            scopes=scope or (),
            lifetime=None if days is None else days * _DAY,
            service=service,
            groups=group or (),
        )
    if json:
        put_json(made)
    else:
        put(made["token"])


@app.command("list")
def list_tokens(*, json: Json = False) -> None:
    """List tokens, without their secrets."""
    from quire.client import tokens
    from quire.client.connection import Connection

    with Connection() as connection:
        found = tokens.listed(connection)
    if json:
        put_json({"tokens": found})
        return
    rows = [
        (
            one["id"],
            one["name"],
            " ".join(one["scopes"]),
            moment(one["created"]),
            moment(one["expires"]),
        )
        for one in found
    ]
    put_table(("id", "name", "scopes", "created", "expires"), rows)


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """Let a token admit nobody any more."""
    from quire.client import tokens
    from quire.client.connection import Connection

    with Connection() as connection:
        tokens.revoke(connection, which)


@app.command()
def login() -> None:
    """Print a link that opens the pages in a browser, once, within five minutes."""
    from quire.client.connection import Connection

    with Connection() as connection:
        put(connection.post("/api/v1/login-links")["url"])
