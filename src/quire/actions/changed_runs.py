"""Which runs have got documents since somebody looked last: none is missed.

The place in the outbox is kept in the store, so that it holds over restarts, and moves
only once what was found there is dealt with.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.store import Store, Transaction

_AT_ONCE = Amount(documents=2000, bodies=False)
_ONE = Amount(documents=1, bodies=False)
# Above every number: they are 64 bits with a sign.
_BITS = 62


class ChangedRuns:
    """Follows the runs under a name of its own."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    async def begin(self) -> None:
        """Begin with what comes from now on, unless it was begun before."""

        def decide(tx: Transaction) -> None:
            if tx.outbox.position(self._name) is None:
                tx.outbox.move(self._name, _end(tx))

        await self._store.decide(decide)

    async def pages(self) -> AsyncIterator[tuple[str, ...]]:
        """Yield uids of runs, in the order of their documents; the same again later.

        What was yielded is done once the next is asked for. It ends with a page that is
        not full: what comes meanwhile is gathered, for whoever asks again. Else each
        document of a steady writer would be a page, and a commit of its own.
        """
        position = await self._store.view(lambda tx: tx.outbox.position(self._name))
        while page := await self._after(position or Position()):
            runs = dict.fromkeys(one.run for one in page if one.run is not None)
            yield tuple(runs)
            position = page[-1].position
            await self._store.decide(_moving(self._name, position))
            if not _is_full(page):
                return

    async def _after(self, position: Position) -> tuple[Outgoing, ...]:
        return await self._store.view(lambda tx: tx.outbox.after(position, _AT_ONCE))


def _is_full(page: Sequence[Outgoing]) -> bool:
    size = sum(len(one.document.raw) for one in page)
    return len(page) >= _AT_ONCE.documents or size >= _AT_ONCE.size


def _moving(name: str, position: Position) -> Callable[[Transaction], None]:
    return lambda tx: tx.outbox.move(name, position)


def _end(tx: Transaction) -> Position:
    """Return the place behind all that there is."""
    most = 1 << _BITS
    return Position(
        number=_last(lambda at: Position(number=at, late=most), tx),
        late=_last(lambda at: Position(number=most, late=at), tx),
    )


def _last(place: Callable[[int], Position], tx: Transaction) -> int:
    """Return the least number behind which nothing is, by halving."""
    low, high = -1, 1 << _BITS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if tx.outbox.after(place(middle), _ONE) else (low, middle)
        )
    return high
