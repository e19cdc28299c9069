"""`quire outlets`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands
from quire.cli.output import moment, put, put_json, put_notes, put_table
from quire.cli.standing import put_standing

app = typer.Typer(
    cls=Commands, help="Where documents are forwarded.", invoke_without_command=True
)
_PATH = "/api/v1/outlets"

Outlet = Annotated[str, typer.Argument(help="Its name in quire.toml.")]


@app.callback()
def show(context: typer.Context, *, json: Json = False) -> None:
    """Show how each outlet stands."""
    if context.invoked_subcommand is not None:
        return
    headings = ("outlet", "to", "state", "behind", "sent")
    found = put_standing("outlets", headings, _line, json=json)
    put_notes((one["name"], _waiting(one)) for one in found)
    runs = [run for one in found for run in one["runs"]]
    if runs:
        put_table(
            ("outlet", "run", "state", "since", "why"),
            [
                (
                    run["outlet"],
                    run["run"] or "(not known yet)",
                    run["state"],
                    moment(run["since"]),
                    run["reason"] or run["error"],
                )
                for run in runs
            ],
        )


@app.command()
def retry(
    name: Outlet,
    *,
    run: Annotated[
        str | None, typer.Option(help="Only this run; its full uid.")
    ] = None,
    json: Json = False,
) -> None:
    """Send again what could not be sent, now."""
    _ask(name, "retry", {} if run is None else {"run": run}, json=json)


@app.command()
def skip(
    name: Outlet,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its full uid.")],
    *,
    reason: Annotated[str, typer.Option(help="Kept beside your name.")],
    json: Json = False,
) -> None:
    """Do without what could not be sent of a run."""
    _ask(name, "skip", {"run": run, "reason": reason}, json=json)


def _ask(name: str, verb: str, body: dict[str, str], *, json: bool) -> None:
    from quire.client.connection import Connection

    with Connection() as connection:
        status = connection.post(f"{_PATH}/{quote(name, safe='')}/{verb}", body)
    if json:
        put_json(status)
    else:
        put(f"{status['name']}: {status['behind']} documents behind")


def _waiting(one: dict[str, Any]) -> str:
    """Return how many runs are not through; the table below may show only some."""
    counts = [f"{count} {state}" for state, count in one["waiting"].items() if count]
    return f"runs: {', '.join(counts)}" if counts else ""


def _line(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["name"], one["target"], one["state"], one["behind"], one["sent"]
