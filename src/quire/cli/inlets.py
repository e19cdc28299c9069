"""`quire inlets`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands, say
from quire.cli.output import moment, put_json, put_notes, put_table
from quire.cli.standing import put_standing

app = typer.Typer(
    cls=Commands, help="Where documents are fetched from.", invoke_without_command=True
)
_PATH = "/api/v1/inlets"


@app.callback()
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show how each inlet stands."""
    if context.invoked_subcommand is not None:
        return
    headings = ("inlet", "from", "accepted", "repeated", "aside", "last")
    found = put_standing("inlets", headings, _line, json=json)
    put_notes((one["name"], note) for one in found for note in _notes(one))


@app.command()
def aside(
    name: Annotated[str, typer.Argument(help="Its name in quire.toml.")],
    *,
    after: Annotated[int, typer.Option(help="Leave out so many.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most.", min=1, max=1000)] = 100,
    json: Json = False,
) -> None:
    """Show what came and could not be stored; --json shows it as it came."""
    from quire.client.connection import Connection

    with Connection() as connection:
        path = f"{_PATH}/{quote(name, safe='')}/aside"
        found = connection.get(path, after=after, limit=limit)
    if json:
        put_json(found)
        return
    put_table(
        ("place", "when", "document", "uid", "field", "reason"),
        [
            (
                one["place"],
                moment(one["at"]),
                one["name"],
                one["uid"],
                one["field"],
                one["reason"],
            )
            for one in found["items"]
        ],
    )
    if len(found["items"]) == limit:
        say(f"there may be more: --after {after + limit}")


def _notes(one: dict[str, Any]) -> list[str]:
    dropped = one["dropped"]
    lost = [f"{dropped} that were refused since the start are not kept"] * bool(dropped)
    return [*lost, *one["notes"]]


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        one["name"],
        one["source"],
        one["accepted"],
        one["repeated"],
        one["set_aside"],
        moment(one["last"]),
    )
