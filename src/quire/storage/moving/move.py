"""Moving a store while a server still uses it."""

from collections.abc import Callable
from functools import partial
from time import monotonic, sleep

import msgspec

from quire.errors import QuireError, StoreUnavailable
from quire.storage.moving.kinds import KINDS
from quire.storage.moving.sides import Destination, Source
from quire.storage.moving.syncing import Compared, compare, follow

_FEW = 5_000
"""Rows that are left for the end: copied while no server runs."""
_MOST_PASSES = 5
_MOST_ROUNDS = 4
_LOOK_EVERY = 1.0  # seconds
_FOLLOW_EVERY = 10.0

Told = Callable[[str, int], None]
"""Told of a kind, and of how many rows were compared or copied since last time."""


class NeverEqual(QuireError):
    """The copy differs from its source, however often it is mended."""

    code = "never_equal"

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds
        super().__init__(
            f"the copy still differs from its source in: {', '.join(kinds)}; is"
            " something else writing to one of them?"
        )


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A store that was copied as a whole, each kind compared at the end."""

    source: str
    destination: str
    kinds: tuple[Compared, ...]


def move(
    source: Source,
    destination: Destination,
    *,
    told: Told,
    waiting: Callable[[str], None],
    wait: float,
) -> Moved:
    """Copy a store; whatever an earlier try has copied is not copied again.

    While a server uses the source, its rows are copied and followed. What is left at
    the end is copied, and everything compared row by row, once no server is there.

    Parameters
    ----------
    waiting
        Told why the copy cannot be ended yet.
    wait
        Seconds to wait for the source's server to end.

    Raises
    ------
    StoreUnavailable
        The server did not end; another try goes on from here.
    InputError
        The destination holds something else.
    NeverEqual
        It cannot be made equal.
    """
    destination.begin(source.name)
    for _ in range(_MOST_PASSES):
        if _follow_all(source, destination, told) < _FEW:
            break
    _wait(source, destination, told, waiting, wait)
    kinds = _compare_all(source, destination, told)
    destination.done()
    return Moved(source=source.name, destination=destination.name, kinds=kinds)


def _wait(
    source: Source,
    destination: Destination,
    told: Told,
    waiting: Callable[[str], None],
    seconds: float,
) -> None:
    """Wait until no server uses the source; follow it now and then."""
    until = monotonic() + seconds
    again = monotonic() + _FOLLOW_EVERY
    while not _locked(source, waiting if monotonic() < until else None):
        sleep(_LOOK_EVERY)
        if (begun := monotonic()) > again:
            _follow_all(source, destination, told)
            # Reading all of it is work for the source's disk, too.
            again = monotonic() + max(_FOLLOW_EVERY, 5 * (monotonic() - begun))


def _follow_all(source: Source, destination: Destination, told: Told) -> int:
    return sum(
        follow(kind, source, destination, partial(told, kind.name)) for kind in KINDS
    )


def _locked(source: Source, waiting: Callable[[str], None] | None) -> bool:
    try:
        source.lock()
    except StoreUnavailable as problem:
        if waiting is None:
            raise
        waiting(problem.reason)
        return False
    return True


def _compare_all(
    source: Source, destination: Destination, told: Told
) -> tuple[Compared, ...]:
    """Compare until nothing is left to mend."""
    found: dict[str, Compared] = {}
    for _ in range(_MOST_ROUNDS):
        for kind in KINDS:
            if kind.name not in found or found[kind.name].changed:
                tell = partial(told, kind.name)
                found[kind.name] = compare(kind, source, destination, tell)
        if not any(one.changed for one in found.values()):
            destination.complete()
            return tuple(found.values())
    raise NeverEqual(tuple(name for name, one in found.items() if one.changed))
