"""What people say of a run, beside what its documents say."""

from enum import StrEnum

import msgspec

FieldValue = str | int | float | bool
"""What a facility field holds."""


class SignOff(StrEnum):
    """How far the judgement of a run's quality has come (CMS Run Registry)."""

    OPEN = "open"
    SIGNED_OFF = "signed off"
    COMPLETE = "complete"


class Span(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """The part of a run that a flag speaks of; both ends included.

    Attributes
    ----------
    unit
        ``"time"`` for Unix seconds, ``"event"`` for sequence numbers.
    """

    unit: str
    first: float
    last: float


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """How good one detector was, in a run or a part of it.

    Attributes
    ----------
    at
        When it was set, Unix seconds.
    """

    detector: str
    value: str
    cause: str = ""
    comment: str = ""
    author: str = ""
    at: float = 0.0
    span: Span | None = None


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A remark; one that was withdrawn stays in the history alone."""

    number: int
    text: str
    author: str
    at: float


class Annotations(msgspec.Struct, frozen=True, kw_only=True):
    """What holds now; how it came about stands in the history.

    Attributes
    ----------
    version
        Number of the newest change in the history, 0 before the first.
    fields
        Facility fields that were set over what the start document says.
    flags
        The newest of each detector and span.
    signed_by
        Who set `sign_off` last.
    lists
        The frozen lists that hold the run, as ``name@version``.
    """

    version: int = 0
    fields: dict[str, FieldValue] = {}
    flags: tuple[Flag, ...] = ()
    sign_off: SignOff = SignOff.OPEN
    signed_by: str = ""
    comments: tuple[Comment, ...] = ()
    lists: tuple[str, ...] = ()
