"""The forms by which people judge a run, as changes of its quality."""

from collections.abc import Callable, Mapping

import msgspec

from quire.errors import InputError, QuireError
from quire.runs.annotations import SignOff, Span
from quire.runs.changes import (
    AddComment,
    Change,
    RemoveFlag,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
)
from quire.runs.query.errors import QueryError
from quire.runs.query.moments import moment
from quire.runs.query.syntax import Spelling, Spelt

Fields = Mapping[str, str]
"""What a form sent, by the names of its fields."""

_MOST_DIGITS = 9
_TICK = 1e-6  # seconds; what dates can tell apart
_A_TIME = "UTC, such as 2026-11-21 20:18:05"
# What people fill in; a mistake elsewhere is told above the form.
_FILLED: Mapping[str, frozenset[str]] = {
    "flag": frozenset(
        ("detector", "value", "cause", "comment", "part", "first", "last")
    ),
    "sign-off": frozenset(("state", "reason")),
    "comment": frozenset(("text",)),
}
# Fields of the forms that go by another name where changes are checked.
_SHOWN_AT = {"span": "last", "span/last": "last", "span/unit": "part"}


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Why a form was not taken.

    Attributes
    ----------
    field
        The field that it is about; empty where it is about none.
    given
        What the form held, to be shown again.
    """

    form: str
    field: str
    message: str
    given: dict[str, str]


def read_change(form: str, given: Fields) -> Change:
    """Return what a form asks for.

    Raises
    ------
    InputError
        A field cannot be read; names it.
    """
    return _READERS[form](given)


def read_seen(given: Fields) -> int | None:
    """Return which version of a run's quality the form was shown with, None for none.

    Raises
    ------
    InputError
        It is no number.
    """
    return _whole(given, "seen") if given.get("seen") else None


def is_form(name: str) -> bool:
    """Return whether there is such a form."""
    return name in _READERS


def wrong(form: str, given: Fields, error: QuireError) -> Wrong:
    """Return what a person is told of a form that was not taken."""
    field, message = "", str(error)
    if isinstance(error, InputError):
        at = _SHOWN_AT.get(error.field, error.field)
        if at in _FILLED.get(form, ()):
            mend = f" ({error.mend})" if error.mend else ""
            field, message = at, error.reason + mend
    return Wrong(form=form, field=field, message=message, given=dict(given))


def _flag(given: Fields) -> Change:
    return SetFlag(
        detector=_line(given, "detector"),
        value=_line(given, "value"),
        cause=_line(given, "cause"),
        comment=_line(given, "comment"),
        span=_span(given),
    )


def _remove_flag(given: Fields) -> Change:
    text = given.get("span", "")
    try:
        span = msgspec.json.decode(text, type=Span) if text else None
    except msgspec.DecodeError:
        raise InputError("span", f"{text[:40]!r} is none") from None
    return RemoveFlag(detector=_line(given, "detector"), span=span)


def _sign_off(given: Fields) -> Change:
    state = given.get("state", "")
    if state not in tuple(SignOff):
        raise InputError("state", "choose one", ", ".join(SignOff))
    return SetSignOff(state=SignOff(state))


def _comment(given: Fields) -> Change:
    return AddComment(text=given.get("text", "").replace("\r\n", "\n").strip())


def _withdraw(given: Fields) -> Change:
    return WithdrawComment(number=_whole(given, "number"))


def _undo(given: Fields) -> Change:
    return Undo(version=_whole(given, "version"))


_READERS: Mapping[str, Callable[[Fields], Change]] = {
    "flag": _flag,
    "remove-flag": _remove_flag,
    "sign-off": _sign_off,
    "comment": _comment,
    "withdraw": _withdraw,
    "undo": _undo,
}


def _line(given: Fields, name: str) -> str:
    return given.get(name, "").strip()


def _span(given: Fields) -> Span | None:
    part = given.get("part", "")
    if part == "event":
        first, last = (_whole(given, name) for name in ("first", "last"))
        return Span(unit="event", first=first, last=last)
    if part == "time":
        return Span(unit="time", first=_time(given, "first"), last=_end(given))
    if part:
        raise InputError("part", f"{part[:40]!r} is unknown", "time or event")
    if _line(given, "first") or _line(given, "last"):
        reason = "the whole run has no first and last"
        raise InputError("part", reason, "choose events or a time, or empty them")
    return None


def _whole(given: Fields, name: str) -> int:
    text = _line(given, name)
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InputError(name, "takes a whole number", "such as 100")
    return int(text)


def _time(given: Fields, name: str) -> float:
    return _moment(given, name)[0]


def _end(given: Fields) -> float:
    """Return the last instant that is meant: of a day, that before the next."""
    first, after = _moment(given, "last")
    return first if after is None else after - _TICK


def _moment(given: Fields, name: str) -> tuple[float, float | None]:
    spelt = Spelt(at=name, spelling=Spelling.BARE, text=_line(given, name))
    try:
        found = moment(spelt, None)
    except QueryError as error:
        raise InputError(name, error.reason, _A_TIME) from None
    if found is None:
        raise InputError(name, "takes a time", _A_TIME)
    return found
