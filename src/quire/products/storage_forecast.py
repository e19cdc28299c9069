"""Whether there is disk space for an acquisition, before it begins."""

from collections.abc import Iterable

import msgspec

from quire.jobs.job import Alert, Severity

# What a new primary header, the manifest and the store's own growth may take.
_SLACK = 4 * 1024**2
_UNIT = 1000


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """The file system that products are written to, in bytes.

    Attributes
    ----------
    available
        What an ordinary user may still write, less than `free` where some is kept
        for the administrator.
    """

    capacity: int
    free: int
    available: int


def needed(sizes: Iterable[int], copies: Iterable[int] = ()) -> int:
    """Return the bytes that a product of sources of these sizes takes at the most.

    Parameters
    ----------
    copies
        Bytes of the sources that lie here as copies too until it is published.
    """
    return sum(sizes) + sum(copies) + _SLACK


def shortage(space: Space, needed_bytes: int, *, reserved: int, keep: int) -> int:
    """Return how many bytes are missing, 0 if there is enough.

    Parameters
    ----------
    reserved
        Bytes that are promised to others.
    keep
        Bytes that stay free in any case.
    """
    return max(needed_bytes + reserved + keep - space.available, 0)


def low_space_alert(needed_bytes: int, missing: int) -> Alert:
    """Return the alert of an acquisition that waits for disk space."""
    return Alert(
        id="low_space",
        severity=Severity.WARNING,
        description=f"Low Disk Space: the product takes up to {_shown(needed_bytes)}, "
        f"of which {_shown(missing)} are missing (make room on the data folder's "
        "disk; it then goes on by itself)",
    )


def _shown(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < _UNIT:
            return f"{size:.3g} {unit}"
        size /= _UNIT
    return f"{size:.3g} TB"
