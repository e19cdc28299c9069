"""Values as people read them."""

from datetime import UTC, datetime

from quire.jobs.job import Job
from quire.products.acquisition import names_of

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


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
    if seconds < 60:  # noqa: PLR2004
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


def job_title(job: Job) -> str:
    """Return what a job is called: its kind, and its acquisition if it does one."""
    names = names_of(job)
    return job.kind if names is None else f"{job.kind} {names[0]}"
