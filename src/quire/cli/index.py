"""`quire index`."""

from typing import Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands
from quire.cli.output import put, put_json, put_table

app = typer.Typer(
    cls=Commands,
    help="Indexes for ranges and patterns of fields.",
    no_args_is_help=True,
)
_PATH = "/api/v1/indexes"

Field = Annotated[str, typer.Argument(help="As queries name it: sample.name")]


@app.command()
def add(field: Field, *, json: Json = False) -> None:
    """Index a field, so that ranges and patterns of it are found at once."""
    from quire.client.connection import Connection

    with Connection() as connection:
        made = connection.ask("PUT", _path(field))
    if json:
        put_json(made)
    else:
        put(f"{made['field']} is being indexed, beside all other work")


@app.command()
def remove(field: Field) -> None:
    """Drop the index of a field; searches stay right, only slower."""
    from quire.client.connection import Connection

    with Connection() as connection:
        connection.ask("DELETE", _path(field))
    put(f"{field} is no longer indexed")


@app.command("list")
def list_indexes(*, json: Json = False) -> None:
    """List the indexes that were added."""
    from quire.client.connection import Connection

    with Connection() as connection:
        found = connection.get(_PATH)
    if json:
        put_json(found)
        return
    rows = [
        (one["path"], "ready" if one["ready"] else "being made")
        for one in found["indexes"]
    ]
    put_table(("field", "state"), rows)


def _path(field: str) -> str:
    from urllib.parse import quote

    if not field.strip():
        raise typer.BadParameter("is empty", param_hint="FIELD")
    return f"{_PATH}/{quote(field, safe='')}"
