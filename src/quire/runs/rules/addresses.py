"""Rules on what a run is called."""

from collections.abc import Iterator

from quire.runs.run import Finding, Run

# A segment of a path that is one of these is taken out by every client (RFC 3986, 5.2.4).
_NO_SEGMENTS = frozenset({"", ".", ".."})


def no_address(run: Run) -> Iterator[Finding]:
    """Tell that the run's uid can stand in no URL."""
    if run.uid in _NO_SEGMENTS:
        message = f"no URL leads to the uid {run.uid!r}; the scan_id or a search does"
        yield Finding(rule="no_address", uid=run.uid, message=message)
