"""What of streams was gathered lately: who looks at a run looks again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quire.actions.gathering_columns import Gathered
from quire.runs.columns.stretch import Stretch

_MOST_BYTES = 64 * 1024**2
# What an array costs beside its values, which may lie in a file.
_ARRAY_BYTES = 1024
# Rather than put more of them together some documents are parsed once more.
_MOST_NEW = 16
_SECONDS = 60.0

Key = tuple[str, str]
"""A run's uid, and the name of one of its streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Stretches of a stream: those of files, and those behind them that have none.

    Attributes
    ----------
    nbytes
        Bytes of memory that they take, about.
    """

    in_files: Sequence[Stretch] = ()
    new: Sequence[Stretch] = ()
    nbytes: int = 0

    @property
    def stretches(self) -> list[Stretch]:
        """All of them, in their order."""
        return [*self.in_files, *self.new]

    def followed_by(self, new: Sequence[Stretch]) -> "Known":
        """Return these with others behind them."""
        values = sum(one.chunk.nbytes for one in new)
        return Known(
            in_files=self.in_files,
            new=[*self.new, *new],
            nbytes=self.nbytes + values + _overhead(new),
        )


def known_of(in_files: Sequence[Stretch]) -> Known:
    """Return what is known of a stream that was not read lately."""
    return Known(in_files=in_files, nbytes=_overhead(in_files))


def _overhead(stretches: Iterable[Stretch]) -> int:
    return _ARRAY_BYTES * sum(len(one.chunk.arrays) for one in stretches)


class RecentColumns:
    """Remembers the stretches of streams that were read.

    So a document of a stream that is read while it grows is parsed once, and a file
    opened once. After a minute they are forgotten: the files may be gone by then.

    Parameters
    ----------
    most_bytes
        Of memory for all of them; the longest unread ones are forgotten first.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: dict[Key, tuple[float, Known]] = {}

    def of(self, key: Key) -> Known | None:
        """Return what is known of a stream, if anything is."""
        held = self._held.get(key)
        return None if held is None else held[1]

    def keep(self, key: Key, known: Known, found: Gathered, now: float) -> None:
        """Remember what was gathered behind what was known.

        Parameters
        ----------
        now
            Seconds, by any clock that goes on.
        """
        known = (known if found.behind else Known()).followed_by(found.new)
        self._held.pop(key, None)
        if len(known.new) <= _MOST_NEW:
            self._held[key] = now, known
        while sum(one.nbytes for _, one in self._held.values()) > self._most_bytes:
            self._held.pop(next(iter(self._held)))

    def forget_unread(self, now: float) -> None:
        """Forget what was not read in the last minute."""
        unread = [key for key, one in self._held.items() if one[0] < now - _SECONDS]
        for key in unread:
            del self._held[key]
