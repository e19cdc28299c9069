"""`quire daq`: acquisitions, as ESO's DPM has them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from quire.cli.options import Json, Limit, Plain, Timeout
from quire.cli.outcomes import Commands, Outcome, say
from quire.cli.output import put, put_fields, put_json, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands,
    help="Queue, follow and end acquisitions (ESO's DPM).",
    no_args_is_help=True,
)
_HEADINGS = ("acquisition", "state", "substate", "error", "changed", "alerts")

DaqId = Annotated[str, typer.Argument(metavar="ID", help="The acquisition's id.")]
Moment = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="When queued, in UTC."
    ),
]


@app.command()
def queue(
    specification: Annotated[
        Path, typer.Argument(metavar="SPEC.json", help="Data product specification.")
    ],
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Watch it to its end.")
    ] = False,
    timeout: Timeout = None,
    plain: Plain = None,
    json: Json = False,
) -> None:
    """Queue an acquisition; its id comes first on stdout."""
    from quire.client.daq import Acquisitions

    try:
        text = specification.read_text("utf-8")
    except OSError as error:
        raise InputError(str(specification), str(error.strerror)) from None
    except UnicodeDecodeError:
        raise InputError(str(specification), "is not UTF-8") from None
    reply = Acquisitions().queue(text)
    if json:
        put_json(reply)
    else:
        put(reply["id"])
    if wait:
        raise typer.Exit(
            _watch_one(reply["id"], timeout=timeout, as_json=json, plain=plain)
        )


@app.command()
def status(acquisition: DaqId, *, json: Json = False) -> None:
    """Show one acquisition, be it over or not."""
    from quire.client.daq import Acquisitions

    found = Acquisitions().internal_status(acquisition)
    if json:
        put_json(found)
        return
    put_fields(
        [
            ("acquisition", found["id"]),
            ("file", found["fileId"]),
            ("state", found["state"]),
            ("substate", found["subState"]),
            # What blocks it is told by its alerts.
            ("last said", "" if found["error"] else found["message"]),
            ("error", "yes" if found["error"] else ""),
            *((_alert_name(one), one["description"]) for one in found["alerts"]),
            ("changed", found["timestamp"]),
            ("queued", found["queued"]),
            ("job", found["job"]),
            ("phase", found["phase"]),
            ("attempt", found["attempt"]),
            ("product", found["result"]),
        ]
    )
    if further := _further(found):
        say(further)


@app.command()
def active(*, json: Json = False) -> None:
    """List the acquisitions that are not over, oldest first."""
    from quire.client.daq import Acquisitions

    _put_list(Acquisitions().active(), as_json=json)


@app.command()
def history(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Part of the id or the file id.")
    ] = "",
    *,
    substate: Annotated[
        list[str] | None, typer.Option(help="Only in this substate, as ESO names it.")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List acquisitions, over or not, newest first."""
    from quire.client.daq import Acquisitions

    found = Acquisitions().history(
        text,
        substates=tuple(substate or ()),
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        limit=limit,
    )
    _put_list(list(found), as_json=json)


@app.command()
def watch(
    acquisition: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Only this one, with its progress."),
    ] = None,
    *,
    timeout: Timeout = None,
    plain: Plain = None,
    json: Json = False,
) -> None:
    """Show one acquisition's progress to its end, or every change of all.

    Ctrl-C stops watching, not the acquisition. Exit codes: 0 completed, 1 aborted,
    3 connection lost, 4 blocked until a person mends something, 124 timeout,
    130 Ctrl-C.
    """
    if acquisition is None:
        raise typer.Exit(_watch_all(timeout=timeout, as_json=json, plain=plain))
    raise typer.Exit(
        _watch_one(acquisition, timeout=timeout, as_json=json, plain=plain)
    )


@app.command()
def abort(acquisition: DaqId, *, json: Json = False) -> None:
    """Abort an acquisition for good."""
    from quire.client.daq import Acquisitions

    reply = Acquisitions().abort(acquisition)
    if json:
        put_json(reply)
    else:
        put(f"{reply['id']}: aborted")


@app.command()
def retry(acquisition: DaqId, *, json: Json = False) -> None:
    """Let an acquisition go on that an error has blocked."""
    from quire.client.daq import Acquisitions

    Acquisitions().retry(acquisition)
    if json:
        put_json({"id": acquisition})
    else:
        put(f"{acquisition}: goes on")


@app.command()
def storage(*, json: Json = False) -> None:
    """Show how much disk space there is."""
    from quire.client.daq import Acquisitions

    found = Acquisitions().storage()
    if json:
        put_json(found)
        return
    put_fields(
        [
            *((name, f"{found[name]} bytes") for name in _SPACES),
            ("at", found["timestamp"]),
        ]
    )


@app.command("exit")
def exit_server(*, json: Json = False) -> None:
    """End the whole server, in order."""
    from quire.client.daq import Acquisitions

    reply = Acquisitions().exit()
    if json:
        put_json({"reply": reply})
    else:
        put(reply)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a data product specification."""
    from quire.products.specification_schema import specification_schema

    put_json(specification_schema())


_SPACES = ("capacity", "free", "available")


def _watch_one(
    acquisition: str, *, timeout: float | None, as_json: bool, plain: bool | None
) -> Outcome:
    from quire.cli.watching import watch as watch_to_end
    from quire.client.connection import Connection
    from quire.client.daq import Acquisitions

    with Connection() as connection:
        job = Acquisitions(connection).internal_status(acquisition)["job"]
        return watch_to_end(
            connection,
            job,
            timeout=timeout,
            as_json=as_json,
            plain=plain,
            hints=f"to see it again: quire daq watch {acquisition}\n"
            f"to end it: quire daq abort {acquisition}\n"
            f"how it stands: quire daq status {acquisition}",
            mended=_mended(acquisition),
        )


def _mended(acquisition: str) -> str:
    return f"quire daq retry {acquisition}; or: quire daq abort {acquisition}"


def _further(found: dict[str, Any]) -> str:
    """Return what a person can do about an acquisition, empty if it is over."""
    if found["error"]:
        return f"once that is mended: {_mended(found['id'])}"
    if found["phase"] == "SUSPENDED":
        return f"it goes on by itself; to end it: quire daq abort {found['id']}"
    over = found["subState"] in ("Completed", "Aborted")
    return "" if over else f"to follow it: quire daq watch {found['id']}"


def _watch_all(*, timeout: float | None, as_json: bool, plain: bool | None) -> Outcome:
    from quire.cli.board import watch_board
    from quire.client.daq import Acquisitions

    acquisitions = Acquisitions()
    return watch_board(acquisitions, timeout=timeout, as_json=as_json, plain=plain)


def _put_list(found: list[dict[str, Any]], *, as_json: bool) -> None:
    from quire.cli.board import alerts_of

    if as_json:
        put_json(found)
        return
    rows = [
        (
            one["id"],
            one["state"],
            one["subState"],
            "yes" if one["error"] else "",
            one["timestamp"],
            alerts_of(one),
        )
        for one in found
    ]
    put_table(_HEADINGS, rows)
    if any(one["error"] for one in found):
        say(f"once an error is mended: {_mended('ID')}")


def _alert_name(alert: dict[str, Any]) -> str:
    return str(alert["severity"]).lower()
