"""Commands of `quire runs` by which people judge runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.output import moment, put, put_json, put_table

_PATH = "/api/v1/runs"
NEGATIVE = {"ignore_unknown_options": True}
"""So that -1, the newest run, is no option."""

Which = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="uid, its beginning, scan number; -1 is the newest."
    ),
]
Detector = Annotated[str, typer.Argument(help="Which detector is judged.")]
Value = Annotated[
    str, typer.Argument(help="Such as good or bad; none takes the flag away.")
]
Cause = Annotated[str, typer.Option(help="Why the detector was so, in a word.")]
Remark = Annotated[str, typer.Option(help="The same in a sentence.")]
Reason = Annotated[str, typer.Option(help="Why this is changed, for the history.")]
Events = Annotated[str, typer.Option(help="Only these sequence numbers: FIRST-LAST.")]
Times = Annotated[
    str,
    typer.Option(
        help="Only this time: FIRST/LAST, ISO 8601, in UTC where they do not say.",
        metavar="FIRST/LAST",
    ),
]


class State(StrEnum):
    """How far a judgement has come, as it is typed."""

    OPEN = "open"
    SIGNED_OFF = "signed-off"
    COMPLETE = "complete"


def flag(  # noqa: PLR0913 - each is an option
    which: Which,
    detector: Detector,
    value: Value,
    *,
    cause: Cause = "",
    comment: Remark = "",
    reason: Reason = "",
    events: Events = "",
    times: Times = "",
    json: Json = False,
) -> None:
    """Judge a detector in a run; each change is kept and can be undone."""
    body = _flag(detector, value, cause, comment, reason)
    if events and times:
        raise typer.BadParameter("not with --events", param_hint="--times")
    if events or times:
        body["span"] = _events(events) if events else _times(times)
    _told(_asked("POST", f"{_one(which)}/flags", body), json=json)


def flag_all(
    query: Annotated[str, typer.Argument(help="Which runs, in the query language.")],
    detector: Detector,
    value: Value,
    *,
    cause: Cause = "",
    comment: Remark = "",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Judge a detector in all runs that a query finds, to be undone as one."""
    body = {"q": query, **_flag(detector, value, cause, comment, reason)}
    batch = _asked_of_many(f"{_PATH}/flags", body)
    if json:
        put_json(batch)
    else:
        put(f"{batch['id']}: {batch['runs']} runs")


def sign_off(
    which: Which,
    state: Annotated[State, typer.Argument(help="How far the judgement has come.")],
    *,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Sign a run off, complete it as a second person, or open it again."""
    body = {"state": state.replace("-", " "), "reason": reason}
    _told(_asked("PUT", f"{_one(which)}/sign-off", body), json=json)


def comment(
    which: Which,
    text: Annotated[str, typer.Argument(help="What is remarked.")],
    *,
    json: Json = False,
) -> None:
    """Remark something on a run."""
    _told(_asked("POST", f"{_one(which)}/comments", {"text": text}), json=json)


def undo(
    which: Which,
    version: Annotated[int, typer.Argument(help="Number of the change: see history.")],
    *,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Let one change of a run count no more; undoing an undo brings it back."""
    body = {"version": version, "reason": reason}
    _told(_asked("POST", f"{_one(which)}/undo", body), json=json)


def undo_all(
    batch: Annotated[str, typer.Argument(help="What flag-all printed.")],
    *,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Undo what was changed in one go."""
    path = f"/api/v1/batches/{quote(batch, safe='')}/undo"
    done = _asked_of_many(path, {"reason": reason})
    if json:
        put_json(done)
    else:
        put(f"{done['id']}: {done['runs']} runs")


def history(which: Which, *, json: Json = False) -> None:
    """Show who changed what of a run's quality."""
    told = _asked("GET", f"{_one(which)}/history")
    if json:
        put_json(told)
        return
    rows = [
        (
            entry["version"],
            moment(entry["at"]),
            entry["author"],
            _change(entry["change"]),
            entry["reason"],
        )
        for entry in told["history"]
    ]
    put_table(("no.", "at", "by", "change", "reason"), rows)


def said_of(quality: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what people say of a run, as names and values."""
    if quality.get("sign_off", "open") != "open":
        yield "sign-off", quality["sign_off"]
    for one in quality.get("flags", ()):
        span = f" {_span(one['span'])}" if one["span"] else ""
        why = ", ".join(text for text in (one["cause"], one["comment"]) if text)
        about = f": {why}" if why else ""
        yield "flag", f"{one['detector']} {one['value']}{span}{about} ({one['author']})"
    for one in quality.get("comments", ()):
        yield "comment", f"{one['text']} ({one['author']}, {moment(one['at'])})"
    for label in quality.get("run_lists", ()):
        yield "list", label


def _flag(
    detector: str, value: str, cause: str, comment: str, reason: str
) -> dict[str, Any]:
    return {
        "detector": detector,
        "value": None if value == "none" else value,
        "cause": cause,
        "comment": comment,
        "reason": reason,
    }


def _events(text: str) -> dict[str, Any]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise typer.BadParameter("such as 100-200", param_hint="--events")
    return {"unit": "event", "first": int(first), "last": int(last)}


def _times(text: str) -> dict[str, Any]:
    first, _, last = text.partition("/")
    return {"unit": "time", "first": _seconds(first), "last": _seconds(last)}


def _seconds(text: str) -> float:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        mend = "such as 2026-11-21T20:18:05/2026-11-21T20:19:00"
        raise typer.BadParameter(mend, param_hint="--times") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _change(change: dict[str, Any]) -> str:
    """Return a change in a line: what it is, and all that it says."""
    said = (
        f"{name}={value}" if name != "span" else _span(value)
        for name, value in change.items()
        if name != "type" and value not in (None, "")
    )
    return " ".join([change["type"], *said])


def _span(span: dict[str, Any]) -> str:
    first, last = span["first"], span["last"]
    if span["unit"] == "time":
        return f"from {moment(first)} to {moment(last)}"
    return f"events {first:.15g}-{last:.15g}"


def _told(said: dict[str, Any], *, json: bool) -> None:
    if json:
        put_json(said)
    else:
        put(f"{said['uid']}: change {said['version']}")


def _one(which: str) -> str:
    return f"{_PATH}/{quote(which, safe='')}"


def _asked(method: str, path: str, body: Any = None) -> Any:
    from quire.client.connection import Connection

    with Connection() as connection:
        return connection.ask(method, path, body=body)


def _asked_of_many(path: str, body: Any) -> Any:
    from quire.client.connection import LASTING, Connection

    with Connection(patience=LASTING) as connection:
        return connection.post(path, body)
