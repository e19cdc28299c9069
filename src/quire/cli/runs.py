"""`quire runs`."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from quire.cli import judging, run_lists
from quire.cli.judging import NEGATIVE, Which
from quire.cli.options import Json, Limit
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_fields, put_json, put_raw, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands, help="Find, show and export runs.", no_args_is_help=True
)
_PATH = "/api/v1/runs"

Query = Annotated[
    str, typer.Argument(help="In the query language; empty for all runs.")
]


class By(StrEnum):
    """In which order runs come."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NUMBER = "number"
    NUMBER_DESCENDING = "-number"


Order = Annotated[By, typer.Option(help="number is (experiment, run).")]


@app.command()
def search(
    query: Query = "",
    *,
    limit: Limit = 20,
    order: Order = By.NEWEST,
    counts: Annotated[
        bool, typer.Option("--counts", help="Say how many match, and lack a value.")
    ] = False,
    json: Json = False,
) -> None:
    """Find runs; without a query list the newest."""
    asked = {"q": query, "box": True, "limit": limit, "order": order, "counts": counts}
    page = _post(f"{_PATH}/search", asked)
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
    if counts:
        put(counted(page["counts"]))


@app.command()
def explain(query: Query, *, order: Order = By.NEWEST, json: Json = False) -> None:
    """Show how a query is answered, and so what it costs."""
    plan = _get(f"{_PATH}/explain", q=query, box=True, order=order)
    if json:
        put_json(plan)
        return
    for line in plan["plan"]:
        put(line)


@app.command("export-all")
def export_all(
    query: Query = "",
    *,
    form: Annotated[
        str, typer.Option("--format", help="csv, jsonl, arrow or parquet.")
    ] = "csv",
    fields: Annotated[
        str, typer.Option(help="Which fields, separated by commas.")
    ] = "",
    order: Order = By.NEWEST,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")
    ] = None,
) -> None:
    """Write all runs that a query finds, a row each, without a limit."""
    asked = {"q": query, "box": True, "format": form, "order": order}
    asked |= {"fields": fields} if fields else {}
    _save(f"{_PATH}/export", asked, output)


@app.command(context_settings=NEGATIVE)
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
            ("closed by", run.get("closed_by")),
            ("because", run.get("close_reason")),
            *(("finding", _finding(one)) for one in run.get("findings", ())),
            *(("product", _product(one)) for one in run.get("products", ())),
            *judging.said_of(run.get("quality", {})),
        ]
    )


@app.command(context_settings=NEGATIVE)
def export(
    which: Which,
    *,
    stream: Annotated[
        str | None, typer.Option(help="A stream's rows instead of the documents.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of documents: ndjson, json or msgpack. Of a stream: csv, arrow or"
            " json. The first by default.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")
    ] = None,
) -> None:
    """Write a run's original documents, or the rows of a stream."""
    path = f"{_PATH}/{_quoted(which)}"
    if stream is None:
        _save(f"{path}/documents", {"format": form or "ndjson"}, output)
    else:
        _save(f"{path}/streams/{_quoted(stream)}", {"format": form or "csv"}, output)


@app.command(context_settings=NEGATIVE)
def close(
    which: Which,
    *,
    reason: Annotated[str, typer.Option(help="Why no stop document will come.")],
    json: Json = False,
) -> None:
    """End a run that has no stop; documents that still come are kept all the same."""
    from quire.client.connection import Connection

    with Connection() as connection:
        run = connection.post(f"{_PATH}/{_quoted(which)}/close", {"reason": reason})
    if json:
        put_json(run)
    else:
        put(f"closed {run['uid']}: {run['events']} events")


app.command(context_settings=NEGATIVE)(judging.flag)
app.command(context_settings=NEGATIVE)(judging.sign_off)
app.command(context_settings=NEGATIVE)(judging.comment)
app.command(context_settings=NEGATIVE)(judging.undo)
app.command(context_settings=NEGATIVE)(judging.history)
app.command()(judging.flag_all)
app.command()(judging.undo_all)
app.add_typer(run_lists.app, name="lists")


def counted(counts: dict[str, Any]) -> str:
    """Return how many runs match, and lack a value, as far as they were counted."""
    least = "" if counts["exact"] else "at least "
    return f"{least}{counts['matched']} match, {least}{counts['lacking']} lack a value"


def _finding(finding: dict[str, Any]) -> str:
    which = f" ({finding['uid']})" if finding["uid"] else ""
    return f"{finding['rule']}: {finding['message']}{which}"


def _product(product: dict[str, Any]) -> str:
    return f"{product['file']} ({product['id']})"


def _save(path: str, query: dict[str, Any], output: Path | None) -> None:
    from quire.client.connection import Connection

    with Connection() as connection, connection.stream(path, **query) as answer:
        if output is None:
            for piece in answer.iter_bytes():
                put_raw(piece)
            return
        try:
            with _appearing(output) as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        except OSError as error:
            raise InputError("output", f"{output}: {error.strerror}") from None


@contextmanager
def _appearing(output: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears once it is whole; what was there stays until then."""
    if output.exists() and not output.is_file():  # a pipe, a device
        with output.open("wb") as file:
            yield file
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _post(path: str, body: Any) -> Any:
    from quire.client.connection import Connection

    with Connection() as connection:
        return connection.post(path, body)


def _get(path: str, **query: Any) -> Any:
    from quire.client.connection import Connection

    with Connection() as connection:
        return connection.get(path, **query)


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
