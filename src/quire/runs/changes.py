"""What people change of a run's quality: entries that are added, never erased.

An undo is an entry too; the annotations that hold now are those of all entries that no
effective undo names (``reference/rundb.md``, section 8: append only).
"""

from collections.abc import Sequence

import msgspec

from quire.runs.annotations import (
    Annotations,
    Comment,
    FieldValue,
    Flag,
    SignOff,
    Span,
)


class SetFlag(msgspec.Struct, frozen=True, kw_only=True, tag="flag"):
    """Judge one detector, in place of what was said of the same detector and span."""

    detector: str
    value: str
    cause: str = ""
    comment: str = ""
    span: Span | None = None


class RemoveFlag(msgspec.Struct, frozen=True, kw_only=True, tag="remove flag"):
    """Judge a detector and span no more."""

    detector: str
    span: Span | None = None


class SetSignOff(msgspec.Struct, frozen=True, kw_only=True, tag="sign off"):
    """Say how far the judgement has come."""

    state: SignOff


class AddComment(msgspec.Struct, frozen=True, kw_only=True, tag="comment"):
    """Remark something; its number is that of its entry."""

    text: str


class WithdrawComment(msgspec.Struct, frozen=True, kw_only=True, tag="withdraw"):
    """Take a remark back; the history keeps it."""

    number: int


class SetField(msgspec.Struct, frozen=True, kw_only=True, tag="field"):
    """Set a facility field over what the start document says; None unsets it."""

    name: str
    value: FieldValue | None


class Undo(msgspec.Struct, frozen=True, kw_only=True, tag="undo"):
    """Let an entry count no more; undoing an undo lets it count again."""

    version: int


Change = (
    SetFlag | RemoveFlag | SetSignOff | AddComment | WithdrawComment | SetField | Undo
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one run.

    Attributes
    ----------
    version
        1 for the first change of the run.
    at
        Unix seconds.
    batch
        Shared by what was changed in one go; empty for a change alone.
    """

    run: str
    version: int
    at: float
    author: str
    change: Change
    reason: str = ""
    batch: str = ""


def undone(history: Sequence[Entry]) -> frozenset[int]:
    """Return the versions that count no more."""
    gone: set[int] = set()
    for entry in reversed(history):
        if isinstance(entry.change, Undo) and entry.version not in gone:
            gone.add(entry.change.version)
    return frozenset(gone)


def annotations(history: Sequence[Entry]) -> Annotations:
    """Return what holds after a history, which is in the order of its versions."""
    gone = undone(history)
    said = _Said()
    for entry in history:
        if entry.version not in gone:
            said.take(entry)
    return said.annotations(history[-1].version if history else 0)


class _Said:
    """What holds while a history is gone through, each entry in a few steps.

    There may be thousands: detectors are judged by stretches of seconds, too.
    """

    def __init__(self) -> None:
        self._fields: dict[str, FieldValue] = {}
        self._flags: dict[tuple[str, Span | None], Flag] = {}
        self._comments: dict[int, Comment] = {}
        self._sign_off = SignOff.OPEN
        self._signed_by = ""

    def take(self, entry: Entry) -> None:
        change = entry.change
        match change:
            case SetFlag():
                self._judge(entry, change)
            case RemoveFlag(detector=detector, span=span):
                self._flags.pop((detector, span), None)
            case SetSignOff(state=state):
                self._sign_off, self._signed_by = state, entry.author
            case SetField(name=name, value=value):
                self._set(name, value)
            case AddComment(text=text):
                self._comments[entry.version] = Comment(
                    number=entry.version, text=text, author=entry.author, at=entry.at
                )
            case WithdrawComment(number=number):
                self._comments.pop(number, None)
            case Undo():  # whose entry is not here
                pass

    def _judge(self, entry: Entry, change: SetFlag) -> None:
        self._flags[change.detector, change.span] = Flag(
            detector=change.detector,
            value=change.value,
            cause=change.cause,
            comment=change.comment,
            author=entry.author,
            at=entry.at,
            span=change.span,
        )
        if change.span is None:
            self._set(f"quality_expert.{change.detector}", None)

    def _set(self, name: str, value: FieldValue | None) -> None:
        if value is None:
            self._fields.pop(name, None)
        else:
            self._fields[name] = value

    def annotations(self, version: int) -> Annotations:
        return Annotations(
            version=version,
            fields=dict(sorted(self._fields.items())),
            flags=tuple(sorted(self._flags.values(), key=_place)),
            sign_off=self._sign_off,
            signed_by=self._signed_by,
            comments=tuple(self._comments.values()),
        )


def _place(flag: Flag) -> tuple[str, bool, str, float, float]:
    span = flag.span
    if span is None:
        return (flag.detector, False, "", 0.0, 0.0)
    return (flag.detector, True, span.unit, span.first, span.last)
