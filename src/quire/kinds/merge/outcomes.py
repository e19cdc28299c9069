"""How a merge that cannot go on ends: blocked, or waiting for disk space."""

import errno

from quire.jobs.job import Alert, Blocked, Outcome, Severity, Suspended
from quire.products.source_problem import SourceChanged, SourceProblem

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def suspicious(source: str, location: str, why: str) -> Alert:
    """Return ESO's alert of a source that may be torn.

    Parameters
    ----------
    source
        Its name in the specification.
    """
    return Alert(
        id=f"suspicious_timestamp/{source}/{location}",
        severity=Severity.WARNING,
        description=f"Suspicious Source File Timestamp: source {source!r} "
        f"({location}): {why}; see whether the product has what it should",
    )


def error_alert(name: str, description: str) -> Alert:
    """Return an alert that needs a person."""
    return Alert(id=name, severity=Severity.ERROR, description=description)


def blocked(name: str, description: str) -> Blocked:
    """Return the outcome of a merge that needs a person."""
    return Blocked(alerts=(error_alert(name, description),))


def source_trouble(problem: SourceProblem) -> Blocked:
    """Return the outcome of a merge that a source blocks."""
    alert = error_alert(
        f"source:{problem.source}", f"Source File Collection Error: {problem}"
    )
    if not isinstance(problem, SourceChanged):
        return Blocked(alerts=(alert,))
    torn = suspicious(problem.source, problem.location, problem.reason)
    return Blocked(alerts=(alert, torn))


def disk_trouble(problem: OSError) -> Outcome:
    """Return the outcome of a merge that the disk refused to write."""
    what = f"the product cannot be written: {problem.strerror or problem}"
    if problem.errno not in _NO_SPACE:
        mend = "look at the data folder's disk, then retry"
        return blocked("disk", f"{what} ({mend})")
    alert = Alert(
        id="low_space",
        severity=Severity.WARNING,
        description=f"Low Disk Space: {what} (make room on the data folder's disk; "
        "it then goes on by itself)",
    )
    return Suspended(alerts=(alert,))


def too_much_computing() -> Blocked:
    """Return the outcome of a merge that has used all the time that it may."""
    return blocked(
        "cpu",
        "Failed Operation: the sources take more computing than any should "
        "(see whether one is damaged or hostile, then retry)",
    )


class Stuck(Exception):
    """A step that cannot go on until what its alerts say is mended.

    Where nothing is wrong but for lack of space, it goes on by itself.
    """

    def __init__(self, alerts: tuple[Alert, ...]) -> None:
        self.alerts = alerts
        super().__init__("; ".join(alert.description for alert in alerts))

    @property
    def outcome(self) -> Outcome:
        """How the merge ends."""
        if any(alert.severity is Severity.ERROR for alert in self.alerts):
            return Blocked(alerts=self.alerts)
        return Suspended(alerts=self.alerts)
