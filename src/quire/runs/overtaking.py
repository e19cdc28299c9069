"""What others have judged of a run since somebody looked at it."""

from collections.abc import Sequence

from quire.runs.annotations import Annotations
from quire.runs.changes import (
    Change,
    Entry,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    annotations,
    undone,
)

_EXPERT = "quality_expert."
_SIGN_OFF = "sign-off"


def overtaken(history: Sequence[Entry], seen: int, change: Change) -> Entry | None:
    """Return the first change behind a version that meets another, None for none.

    Two meet that speak of the same detector or field. Whoever signs off, or opens
    again, speaks of all but the comments; comments meet nothing.

    Parameters
    ----------
    seen
        The version that whoever asks for `change` looked at.
    """
    wanted = _subject(history, change)
    for entry in history:
        if entry.version > seen and _meet(wanted, _subject(history, entry.change)):
            return entry
    return None


def judged_since_signed(history: Sequence[Entry]) -> bool:
    """Return whether detectors are judged otherwise than when the run was signed off."""
    gone = undone(history)
    signed = [
        entry.version
        for entry in history
        if isinstance(entry.change, SetSignOff) and entry.version not in gone
    ]
    last = max(signed, default=0)
    then = annotations([entry for entry in history if entry.version <= last])
    return _verdicts(then) != _verdicts(annotations(history))


def _subject(history: Sequence[Entry], change: Change) -> str:
    """Return what a change speaks of; empty for a comment."""
    match change:
        case SetFlag(detector=detector) | RemoveFlag(detector=detector):
            return _EXPERT + detector
        case SetField(name=name):
            return name
        case SetSignOff():
            return _SIGN_OFF
        case Undo(version=version):
            found = (entry for entry in history if entry.version == version)
            entry = next(found, None)
            return _subject(history, entry.change) if entry else ""
        case _:
            return ""


def _meet(one: str, other: str) -> bool:
    if not one or not other:
        return False
    return one == other or _SIGN_OFF in (one, other)


def _verdicts(said: Annotations) -> tuple[object, ...]:
    named = sorted(
        (name, value) for name, value in said.fields.items() if name.startswith(_EXPERT)
    )
    return said.flags, named
