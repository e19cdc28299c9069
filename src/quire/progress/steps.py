"""The steps that a log went through, and how long each took."""

import re
from collections.abc import Sequence
from itertools import groupby

import msgspec

from quire.progress.log import Entry

_NUMBERS = re.compile(r"\d[\d.,]*")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that follow each other and differ in their numbers alone.

    Attributes
    ----------
    first
        Number of its first entry.
    message
        Of its last one.
    seconds
        Until the next step began; None for one that goes on, or is the end.
    """

    first: int
    message: str
    seconds: float | None


def steps_of(entries: Sequence[Entry]) -> tuple[Step, ...]:
    """Return the steps of an act's entries, such as "3 of 10 rows", "Verifying"."""
    groups = [list(group) for _, group in groupby(entries, _kind)]
    ends = [*(group[0].at for group in groups), None][1:]
    return tuple(
        Step(
            first=group[0].number,
            message=group[-1].event.message,
            seconds=None if end is None else max(0.0, end - group[0].at),
        )
        for group, end in zip(groups, ends, strict=True)
    )


def _kind(entry: Entry) -> tuple[str, str]:
    return entry.event.type, _NUMBERS.sub("#", entry.event.message)
