"""The phases of a job (IVOA UWS 1.1, section 2.1.3)."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a job stands."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"
    UNKNOWN = "UNKNOWN"

    @property
    def final(self) -> bool:
        """Whether the job is over."""
        return self in FINAL

    @property
    def occupied(self) -> bool:
        """Whether an attempt may be under way."""
        return self in (Phase.EXECUTING, Phase.SUSPENDED)


FINAL = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED})
