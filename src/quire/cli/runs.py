"""`quire runs`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quire.cli.options import Json, Limit
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put_fields, put_json, put_raw, put_table

app = typer.Typer(cls=Commands, help="Find, show and export runs.")
_PATH = "/api/v1/runs"
# So that -1, the newest run, is no option.
_NEGATIVE = {"ignore_unknown_options": True}

Which = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="uid, its beginning, scan number; -1 is the newest."
    ),
]


@app.command()
def search(*, limit: Limit = 20, json: Json = False) -> None:
    """List the newest runs."""
    page = _get(_PATH, limit=limit)
    if json:
        put_json(page)
        return
    rows = [
        (
            run["uid"][:8],
            run["scan_id"],
            run["plan_name"],
            moment(run["time"]),
            run["status"],
            run["events"],
            run["owner"],
        )
        for run in page["runs"]
    ]
    put_table(("run", "scan", "plan", "started", "status", "events", "owner"), rows)


@app.command(context_settings=_NEGATIVE)
def show(which: Which, *, json: Json = False) -> None:
    """Show one run."""
    run = _get(f"{_PATH}/{_quoted(which)}")
    if json:
        put_json(run)
        return
    streams = ", ".join(f"{name} ({rows})" for name, rows in run["streams"].items())
    put_fields(
        [
            ("run", run["uid"]),
            ("scan", run["scan_id"]),
            ("plan", run["plan_name"]),
            ("status", run["status"]),
            ("started", moment(run["time"])),
            ("stopped", moment(run["stop_time"])),
            ("streams", streams),
            ("documents", run["documents"]),
            ("owner", run["owner"]),
            *(("finding", _finding(one)) for one in run.get("findings", ())),
            *(("product", one.get("file")) for one in run.get("products", ())),
        ]
    )


@app.command(context_settings=_NEGATIVE)
def export(
    which: Which,
    *,
    stream: Annotated[
        str | None, typer.Option(help="A stream's rows instead of the documents.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="Of a stream: arrow, csv or json.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")
    ] = None,
) -> None:
    """Write a run's original documents, a line each, or the rows of a stream."""
    from quire.client.connection import Connection

    path = f"{_PATH}/{_quoted(which)}"
    query: dict[str, Any] = {}
    if stream is None:
        path += "/documents"
    else:
        path += f"/streams/{_quoted(stream)}"
        query["format"] = form
    with Connection() as connection, connection.stream(path, **query) as answer:
        if output is None:
            for piece in answer.iter_bytes():
                put_raw(piece)
            return
        with output.open("wb") as file:
            for piece in answer.iter_bytes():
                file.write(piece)


def _finding(finding: dict[str, Any]) -> str:
    return f"{finding['rule']}: {finding['message']}"


def _get(path: str, **query: Any) -> Any:
    from quire.client.connection import Connection

    with Connection() as connection:
        return connection.get(path, **query)


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
