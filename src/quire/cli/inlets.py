"""`quire inlets`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_json, put_table

app = typer.Typer(
    cls=Commands, help="Where documents are fetched from.", invoke_without_command=True
)
_PATH = "/api/v1/inlets"


@app.callback()
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show how each inlet stands."""
    if context.invoked_subcommand is not None:
        return
    from quire.client.connection import Connection

    with Connection() as connection:
        found = connection.get(_PATH)
    if json:
        put_json(found)
        return
    put_table(
        (
            *("inlet", "from", "accepted", "repeated", "aside", "last"),
            *("since", "next try", "last error"),
        ),
        [_line(one) for one in found["inlets"]],
    )
    for one in found["inlets"]:
        for note in one["notes"]:
            put(f"{one['name']}: {note}")


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


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    trouble = one["trouble"] or {}
    return (
        one["name"],
        one["source"],
        one["accepted"],
        one["repeated"],
        one["set_aside"],
        moment(one["last"]),
        moment(trouble.get("since")),
        moment(trouble.get("next_try")),
        trouble.get("error", ""),
    )
