"""The progress event, as Nublado's controller defines it.

Source: ``reference/progress.md`` section 1 (lsst-sqre/nublado, lab events).
"""

from enum import StrEnum
from typing import Annotated

import msgspec


class ProgressType(StrEnum):
    """What a progress event says; the last two end an act."""

    INFO = "info"
    ERROR = "error"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing may follow it within its act."""
        return self in (ProgressType.COMPLETE, ProgressType.FAILED)


class ProgressEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an operation tells its listeners.

    Attributes
    ----------
    progress
        Percent done, 1 to 100, or None where that is not known.
    """

    type: ProgressType
    message: str
    progress: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


def info(message: str, progress: int | None = None) -> ProgressEvent:
    """Return an `info` event; progress is clamped to 1..100."""
    clamped = None if progress is None else min(max(progress, 1), 100)
    return ProgressEvent(type=ProgressType.INFO, message=message, progress=clamped)


def error(message: str) -> ProgressEvent:
    """Return an `error` event, which is not final."""
    return ProgressEvent(type=ProgressType.ERROR, message=message)


def complete(message: str) -> ProgressEvent:
    """Return the final event of an act that ended well."""
    return ProgressEvent(type=ProgressType.COMPLETE, message=message)


def failed(message: str) -> ProgressEvent:
    """Return the final event of an act that did not end well."""
    return ProgressEvent(type=ProgressType.FAILED, message=message)
