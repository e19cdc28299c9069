"""`quire jobs`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quire.cli.options import Json, Limit, Plain, Timeout
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_fields, put_json, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands, help="Submit, follow and end jobs.", no_args_is_help=True
)
_PATH = "/api/v1/jobs"

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id.")]


@app.command()
def submit(
    kind: Annotated[str, typer.Argument(help="What it does: wait, merge...")],
    *,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="VALUE is JSON or text; @FILE reads it from a file.",
        ),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(help="uid of a run that it works on.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Watch it to its end.")
    ] = False,
    timeout: Timeout = None,
    plain: Plain = None,
    json: Json = False,
) -> None:
    """Queue a job; its id comes first on stdout."""
    from quire.cli.watching import watch as watch_to_end
    from quire.client.connection import Connection
    from quire.client.jobs import submit_to

    parameters = dict(_parameter(text) for text in parameter or ())
    with Connection() as connection:
        job = submit_to(connection, kind, parameters, runs=tuple(run or ()))
        if json:
            put_json(job.record)
        else:
            put(job.id)
        if wait:
            raise typer.Exit(
                watch_to_end(
                    connection, job.id, timeout=timeout, as_json=json, plain=plain
                )
            )


@app.command("list")
def list_jobs(
    *,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    phase: Annotated[
        list[str] | None, typer.Option(help="Only in this phase, as UWS names it.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Only of this run (uid).")] = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List the newest jobs."""
    query = {"kind": kind, "phase": phase or None, "run": run, "limit": limit}
    page = _ask("GET", _PATH, query)
    if json:
        put_json(page)
        return
    rows = [
        (job["id"], job["kind"], job["phase"], moment(job["created"]), job.get("owner"))
        for job in page["jobs"]
    ]
    put_table(("job", "kind", "phase", "created", "owner"), rows)


@app.command()
def show(job: JobId, *, json: Json = False) -> None:
    """Show one job."""
    _show(_ask("GET", f"{_PATH}/{job}"), as_json=json)


@app.command()
def watch(
    job: Annotated[
        list[str] | None,
        typer.Argument(metavar="JOB", help="Their ids; those at work by default."),
    ] = None,
    *,
    timeout: Timeout = None,
    plain: Plain = None,
    json: Json = False,
) -> None:
    """Show progress until the jobs, or the runs of those uids, are over.

    Ctrl-C stops watching, not the job. Exit codes: 0 complete, 1 failed, 3 connection
    lost, 4 held until a person mends something, 124 timeout, 130 Ctrl-C.
    """
    from quire.cli.watching import watch as watch_to_end
    from quire.cli.watching_many import at_work, watch_many
    from quire.client.connection import Connection

    with Connection() as connection:
        jobs = job or at_work(connection)
        watching = watch_many if len(jobs) != 1 else watch_to_end
        wanted: Any = jobs if len(jobs) != 1 else jobs[0]
        outcome = watching(
            connection, wanted, timeout=timeout, as_json=json, plain=plain
        )
    raise typer.Exit(outcome)


@app.command()
def abort(job: JobId, *, json: Json = False) -> None:
    """End a job."""
    _show(_ask("POST", f"{_PATH}/{job}/abort"), as_json=json)


@app.command()
def retry(job: JobId, *, json: Json = False) -> None:
    """Go on with a held job, or repeat one that is over as a new job."""
    _show(_ask("POST", f"{_PATH}/{job}/retry"), as_json=json)


@app.command()
def delete(job: JobId) -> None:
    """Forget a job in any phase, with its files; what runs is killed, products stay."""
    _ask("DELETE", f"{_PATH}/{job}")


def _ask(method: str, path: str, query: dict[str, Any] | None = None) -> Any:
    from quire.client.connection import Connection

    with Connection() as connection:
        return connection.ask(method, path, query=query)


def _show(job: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        put_json(job)
        return
    from quire.client.jobs import reason_of

    put_fields(
        [
            ("job", job["id"]),
            ("kind", job["kind"]),
            ("phase", job["phase"]),
            ("reason", reason_of(job)),
            ("owner", job.get("owner")),
            ("created", moment(job["created"])),
            ("started", moment(job.get("started"))),
            ("ended", moment(job.get("ended"))),
            ("attempt", job.get("attempt")),
            ("repeats", job.get("retry_of")),
            ("product", job.get("product")),
        ]
    )


def _parameter(text: str) -> tuple[str, Any]:
    import json

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError("--parameter", f"{text!r} is not NAME=VALUE")
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text()
        except OSError as error:
            raise InputError(f"--parameter {name}", str(error)) from error
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
