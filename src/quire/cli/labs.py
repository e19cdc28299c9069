"""`quire labs`."""

from typing import Annotated, Any

import typer

from quire.cli.options import Json, Plain, Timeout
from quire.cli.outcomes import Commands, Outcome
from quire.cli.output import moment, put, put_fields, put_json, put_table

app = typer.Typer(
    cls=Commands,
    help="Start, look at and delete labs (JupyterLab).",
    no_args_is_help=True,
)

_HINTS = "to end it: quire labs delete\nhow it stands: quire labs show"

User = Annotated[str, typer.Argument(help="Whose; by default your own.")]


@app.command()
def create(
    *,
    size: Annotated[str, typer.Option(help="What it may use: small, large...")] = "",
    run: Annotated[
        str, typer.Option(help="uid of a run for which it has a notebook.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Watch until it is up.")
    ] = True,
    timeout: Timeout = None,
    plain: Plain = None,
    json: Json = False,
) -> None:
    """Start your lab; the address that lets you in comes on stdout.

    Ctrl-C stops watching, not the lab.
    """
    from quire.cli.watching import watch
    from quire.client import labs
    from quire.client.connection import Connection

    outcome = Outcome.COMPLETE
    with Connection() as connection:
        lab = labs.create(connection, size=size, run=run)
        if wait:
            outcome = watch(
                connection, lab["id"], timeout=timeout, plain=plain, hints=_HINTS
            )
            lab = labs.show(connection)
    if json:
        put_json(lab)
    elif lab.get("login"):
        put(lab["login"])
    elif not wait:
        put(lab["id"])
    raise typer.Exit(outcome)


@app.command("list")
def list_labs(*, json: Json = False) -> None:
    """List everybody's labs."""
    from quire.client import labs
    from quire.client.connection import Connection

    with Connection() as connection:
        found = labs.listed(connection)
    if json:
        put_json({"labs": found})
        return
    rows = [
        (one["user"], one["status"], one["size"], moment(one["created"]), one["url"])
        for one in found
    ]
    put_table(("user", "status", "size", "created", "address"), rows)


@app.command()
def show(user: User = "", *, json: Json = False) -> None:
    """Show a lab; your own with the address that lets you in."""
    from quire.client import labs
    from quire.client.connection import Connection

    with Connection() as connection:
        lab = labs.show(connection, user or labs.MINE)
    if json:
        put_json(lab)
        return
    put_fields(_fields(lab))


@app.command()
def delete(user: User = "") -> None:
    """Delete a lab and all that runs in it; the files in its folder stay."""
    from quire.client import labs
    from quire.client.connection import Connection

    with Connection() as connection:
        labs.delete(connection, user or labs.MINE)


def _fields(lab: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("lab", lab["id"]),
        ("user", lab["user"]),
        ("status", lab["status"]),
        ("size", lab["size"]),
        ("image", lab["image"]),
        ("account", lab["account"]),
        ("address", lab["url"]),
        ("open", lab.get("login")),
        ("created", moment(lab["created"])),
        ("changed", moment(lab["changed"])),
    ]
