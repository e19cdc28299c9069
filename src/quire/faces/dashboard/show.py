"""Values as people read them."""

import json
import math
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any

import msgspec

from quire.jobs.job import Job
from quire.products.acquisition import names_of
from quire.runs.annotations import Span
from quire.runs.changes import (
    AddComment,
    Change,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
)

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000
_LINE = 80
_MOST = 2000  # signs of one value


def moment(seconds: float | None) -> str:
    """Return Unix seconds as UTC, to the second."""
    if seconds is None:
        return "–"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"


def duration(seconds: float | None) -> str:
    """Return seconds in two units at most."""
    if seconds is None:
        return "–"
    if seconds < 60 or math.isinf(seconds):  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: float) -> str:
    """Return a number of bytes in decimal units."""
    for unit in _UNITS[:-1]:
        if count < _STEP:
            return f"{count:.3g} {unit}"
        count /= _STEP
    return f"{count:.3g} {_UNITS[-1]}"


def said(value: Any) -> str:
    """Return what a document says under a key: text as it is, all else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"


def job_title(job: Job) -> str:
    """Return what a job is called: its kind, and its acquisition if it does one."""
    names = names_of(job)
    return job.kind if names is None else f"{job.kind} {names[0]}"


def span_text(span: Span | None) -> str:
    """Return which part of a run is meant; times are UTC, to the second."""
    if span is None:
        return "whole run"
    if span.unit == "event":
        return f"events {span.first:.15g}–{span.last:.15g}"
    return f"{moment(span.first)} – {moment(span.last)}"


def span_json(span: Span | None) -> str:
    """Return a part of a run as a form carries it."""
    return "" if span is None else msgspec.json.encode(span).decode()


def change_text(change: Change) -> str:
    """Return in a line what somebody changed of a run's quality."""
    match change:
        case SetFlag(detector=detector, value=value, cause=cause, span=span):
            why = f" ({cause})" if cause else ""
            return f"flag {detector} = {value}{why}, {span_text(span)}"
        case RemoveFlag(detector=detector, span=span):
            return f"flag {detector} removed, {span_text(span)}"
        case SetField(name=name, value=value):
            said = "as the start document says" if value is None else f"= {value}"
            return f"{name} {_short(said)}"
        case _:
            return _remark_text(change)


def _remark_text(change: SetSignOff | AddComment | WithdrawComment | Undo) -> str:
    match change:
        case SetSignOff(state=state):
            return f"sign-off: {state}"
        case AddComment(text=text):
            return f"comment: {_short(text)}"
        case WithdrawComment(number=number):
            return f"comment {number} withdrawn"
        case Undo(version=version):
            return f"change {version} undone"


def _short(text: str) -> str:
    return shorten(text, _LINE, placeholder="…")
