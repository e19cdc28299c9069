"""`quire runs lists`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_json, put_raw, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands,
    help="Good-run lists: frozen, shown and exported.",
    no_args_is_help=True,
)
_PATH = "/api/v1/run-lists"

Name = Annotated[str, typer.Argument(help="Of the list; searches find it by @NAME.")]
Version = Annotated[int | None, typer.Option(help="The newest if not given.", min=1)]


class Form(StrEnum):
    """How a list is written."""

    CSV = "csv"
    JSON = "json"
    RANGES = "ranges"
    FULL = "full"


class Unit(StrEnum):
    """What the good parts of runs are told in."""

    EVENT = "event"
    TIME = "time"


@app.command()
def freeze(
    name: Name,
    query: Annotated[str, typer.Argument(help="Which runs; empty for all.")],
    *,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    bad: Annotated[
        list[str] | None,
        typer.Option(help="Flag values of parts that are left out: bad and BAD."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Whose members may add versions, too; as it was if not given."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Freeze what a query finds now as the next version of a list."""
    body: dict[str, Any] = {"q": query, "note": note, "group": group}
    if bad is not None:
        body["bad"] = bad
    from quire.client.connection import LASTING, Connection

    with Connection(patience=LASTING) as connection:
        made = connection.post(_one(name), body)
    if json:
        put_json(made)
        return
    lacking = made["left_out"]
    left = "not counted" if lacking is None else lacking
    put(f"{made['label']}: {made['runs']} runs; left out for lack of a value: {left}")


@app.command("list")
def list_lists(*, json: Json = False) -> None:
    """List every version of every list."""
    from quire.client.connection import Connection

    with Connection() as connection:
        found = connection.get(_PATH)
    if json:
        put_json(found)
        return
    rows = [
        (one["label"], _frozen(one), one["author"], one["query"], one["note"])
        for one in found["lists"]
    ]
    put_table(("list", "frozen", "by", "query", "note"), rows)


@app.command()
def export(
    name: Name,
    *,
    version: Version = None,
    form: Annotated[
        Form, typer.Option("--format", help="json is the form of CMS.")
    ] = Form.CSV,
    experiment: Annotated[
        int | None, typer.Option(help="Only the runs of this one.")
    ] = None,
    unit: Annotated[
        Unit, typer.Option(help="Of json: sequence numbers or Unix seconds.")
    ] = Unit.EVENT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")
    ] = None,
) -> None:
    """Write a list."""
    from quire.client.connection import Connection

    asked = {
        "version": version,
        "format": form.value,
        "experiment": experiment,
        "unit": unit.value,
    }
    with Connection() as connection, connection.stream(_one(name), **asked) as answer:
        content = answer.read()
    if output is None:
        put_raw(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise InputError("output", f"{output}: {error.strerror}") from None


@app.command()
def difference(
    name: Name,
    *,
    version: Version = None,
    other: Annotated[
        str | None, typer.Option("--with", help="Another list; the same if not given.")
    ] = None,
    with_version: Version = None,
    json: Json = False,
) -> None:
    """Show in which runs two lists differ, or two versions of one."""
    from quire.client.connection import Connection

    asked = {"version": version, "with": other, "with_version": with_version}
    with Connection() as connection:
        found = connection.get(f"{_one(name)}/difference", **asked)
    if json:
        put_json(found)
        return
    rows = [(uid, kind) for kind, uids in found.items() for uid in uids]
    put_table(("run", "where"), [(uid, kind.replace("_", " ")) for uid, kind in rows])


def _frozen(one: dict[str, Any]) -> str:
    return moment(one["at"]) if one.get("ready", True) else "being made"


def _one(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
