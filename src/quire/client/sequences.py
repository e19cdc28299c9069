"""A catalog's runs as sequences that are sliced, in the catalog's own order."""

import operator
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Generic, Protocol, SupportsIndex, TypeVar

from quire.client.run import Run

T = TypeVar("T")


class Runs(Protocol):
    """What a sequence is made of."""

    def runs(self, most: SupportsIndex | None = None) -> Iterator[Run]:
        """Yield runs in order."""
        ...

    def __len__(self) -> int: ...


class Sliced(Generic[T]):
    """A sequence that asks only for what is looked at."""

    def __init__(self, catalog: Runs, of: Callable[[Run], T]) -> None:
        self._catalog = catalog
        self._of = of

    def __len__(self) -> int:
        return len(self._catalog)

    def __iter__(self) -> Iterator[T]:
        return map(self._of, self._catalog.runs())

    def __getitem__(self, which: SupportsIndex | slice) -> Any:
        if isinstance(which, slice):
            return self._part(which)
        at = operator.index(which)  # NumPy's, too
        place = at if at >= 0 else at + len(self)
        if place >= 0:
            for run in islice(self._catalog.runs(place + 1), place, None):
                return self._of(run)
        raise IndexError(at)

    def first(self) -> T:
        """Return the first."""
        found: T = self[0]
        return found

    def last(self) -> T:
        """Return the last."""
        found: T = self[-1]
        return found

    def head(self, count: SupportsIndex = 5) -> list[T]:
        """Return the first ones."""
        return [self._of(run) for run in self._catalog.runs(count)]

    def tail(self, count: int = 5) -> list[T]:
        """Return the last ones."""
        found: list[T] = self[max(len(self) - count, 0) :]
        return found

    def _part(self, which: slice) -> list[T]:
        step = 1 if which.step is None else which.step
        plain = (which.start or 0) >= 0 and (which.stop is None or which.stop >= 0)
        if step < 0 or not plain:
            return list(self)[which]
        found = islice(
            self._catalog.runs(which.stop), which.start or 0, which.stop, step
        )
        return [self._of(run) for run in found]


class Keys(Sliced[str]):
    """The uids."""

    def __init__(self, catalog: Runs) -> None:
        super().__init__(catalog, lambda run: run.uid)


class Values(Sliced[Run]):
    """The runs."""

    def __init__(self, catalog: Runs) -> None:
        super().__init__(catalog, lambda run: run)


class Items(Sliced[tuple[str, Run]]):
    """Pairs of uid and run."""

    def __init__(self, catalog: Runs) -> None:
        super().__init__(catalog, lambda run: (run.uid, run))
