"""How a merge that cannot go on ends: blocked, or waiting for disk space."""

import errno

from quire.jobs.job import Alert, Blocked, Outcome, Severity, Suspended

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def error_alert(name: str, description: str) -> Alert:
    """Return an alert that needs a person."""
    return Alert(id=name, severity=Severity.ERROR, description=description)


def blocked(name: str, description: str) -> Blocked:
    """Return the outcome of a merge that needs a person."""
    return Blocked(alerts=(error_alert(name, description),))


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


class Stuck(Exception):
    """A step that cannot go on until a person has mended what its alerts say."""

    def __init__(self, alerts: tuple[Alert, ...]) -> None:
        self.alerts = alerts
        super().__init__("; ".join(alert.description for alert in alerts))
