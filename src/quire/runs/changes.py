"""What people change of a run's quality: entries that are added, never erased.

An undo is an entry too; the annotations that hold now are those of all entries that no
effective undo names (``reference/rundb.md``, section 8: append only).
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

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
    found = Annotations()
    for entry in history:
        if entry.version not in gone:
            found = _with(found, entry)
    return replace(found, version=history[-1].version if history else 0)


def _with(found: Annotations, entry: Entry) -> Annotations:
    change = entry.change
    if isinstance(change, SetFlag):
        flag = Flag(
            detector=change.detector,
            value=change.value,
            cause=change.cause,
            comment=change.comment,
            author=entry.author,
            at=entry.at,
            span=change.span,
        )
        return replace(
            found,
            flags=_flags([*_but(found, change), flag]),
            fields=_overruled(found, change),
        )
    if isinstance(change, RemoveFlag):
        return replace(found, flags=_flags(_but(found, change)))
    if isinstance(change, SetSignOff):
        return replace(found, sign_off=change.state, signed_by=entry.author)
    if isinstance(change, SetField):
        fields = {
            name: value for name, value in found.fields.items() if name != change.name
        }
        if change.value is not None:
            fields[change.name] = change.value
        return replace(found, fields=dict(sorted(fields.items())))
    return _with_remark(found, entry)


def _overruled(found: Annotations, change: SetFlag) -> dict[str, FieldValue]:
    """Return the fields that were set, but for what a flag now says anew."""
    if change.span is not None:
        return found.fields
    name = f"quality_expert.{change.detector}"
    return {each: value for each, value in found.fields.items() if each != name}


def _with_remark(found: Annotations, entry: Entry) -> Annotations:
    change = entry.change
    if isinstance(change, AddComment):
        comment = Comment(
            number=entry.version, text=change.text, author=entry.author, at=entry.at
        )
        return replace(found, comments=(*found.comments, comment))
    if isinstance(change, WithdrawComment):
        kept = tuple(one for one in found.comments if one.number != change.number)
        return replace(found, comments=kept)
    return found


def _but(found: Annotations, change: SetFlag | RemoveFlag) -> Iterable[Flag]:
    same = (change.detector, change.span)
    return (flag for flag in found.flags if (flag.detector, flag.span) != same)


def _flags(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    def place(flag: Flag) -> tuple[str, bool, str, float, float]:
        span = flag.span
        if span is None:
            return (flag.detector, False, "", 0.0, 0.0)
        return (flag.detector, True, span.unit, span.first, span.last)

    return tuple(sorted(flags, key=place))
