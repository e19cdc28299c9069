"""Many operations by one stream, as a page needs them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from quire.access.principals import Principal
from quire.actions.broadcast import (
    SILENCE_SECONDS,
    Broadcasts,
    Listener,
    Piece,
    Place,
)
from quire.actions.follow import Follow
from quire.errors import NotFound
from quire.ports.doorbell import Doorbell

TOPICS = ("jobs", "runs")
_A_DAY = 86400.0
_TOPIC_PAUSE = 0.25
_MOST_BYTES = 256 * 1024


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What is new; nothing at all says that nothing came for a while.

    Attributes
    ----------
    pieces
        Entries of the logs, encoded, those of one operation after the other.
    places
        How far the listener is in each log, once it has the pieces.
    reset
        Operations of which everything is told anew: forget what was shown.
    gone
        Operations that are not there, or not to be seen.
    changed
        Topics of which something has changed: ``"jobs"``, ``"runs"``.
    """

    pieces: tuple[Piece, ...] = ()
    places: Mapping[str, int] = {}
    reset: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a page wants to hear of.

    Attributes
    ----------
    seen
        Number of the newest entry that it knows, of each operation.
    replay
        Whether it wants of the others the whole act, and not the newest entry alone.
    """

    operations: tuple[str, ...]
    topics: tuple[str, ...] = ()
    seen: Mapping[str, int] = {}
    replay: bool = True


class _Topic:
    """Wakes its listeners when a topic is rung, a few times a second at most."""

    def __init__(self, name: str, doorbell: Doorbell) -> None:
        self.name = name
        self.rings = 1  # a new listener is told once: it may have missed one
        self.listeners: set[Listener] = set()
        self._ticket = doorbell.ticket(name)
        self.watching = asyncio.create_task(self._watch(doorbell))

    async def _watch(self, doorbell: Doorbell) -> None:
        while True:
            if not await doorbell.wait(self.name, self._ticket, _A_DAY):
                continue
            self._ticket = doorbell.ticket(self.name)
            self.rings += 1
            for listener in self.listeners:
                listener.wake()
            await asyncio.sleep(_TOPIC_PAUSE)


class ManyOperations:
    """Gives the news of many operations to one listener.

    Parameters
    ----------
    broadcasts
        Encodes an entry with the name of its operation.
    """

    def __init__(
        self, follow: Follow, broadcasts: Broadcasts, doorbell: Doorbell
    ) -> None:
        self._follow = follow
        self._broadcasts = broadcasts
        self._doorbell = doorbell
        self._topics: dict[str, _Topic] = {}

    async def begin(
        self, wanted: Wanted, principal: Principal
    ) -> AsyncIterator[News] | None:
        """Return the news, None if nothing is left to tell.

        Raises
        ------
        NotFound
            None of the operations is there, or to be seen.
        """
        found = await self._follow.begin_many(
            wanted.operations, principal, wanted.seen, replay=wanted.replay
        )
        starts = {name: after for name, after in found.items() if after is not None}
        if not wanted.topics and not found:
            raise NotFound("operation", ", ".join(wanted.operations)[:200])
        if not wanted.topics and not starts:
            return None
        anew = (
            name for name, after in starts.items() if after < wanted.seen.get(name, 0)
        )
        first = News(
            reset=tuple(anew),
            gone=tuple(name for name in wanted.operations if name not in found),
        )
        # What is over and known stands in every id, or it would be told again.
        known = {name: wanted.seen[name] for name in found if name not in starts}
        return self._news(first, starts, known, wanted.topics)

    async def _news(
        self,
        first: News,
        starts: Mapping[str, int],
        known: Mapping[str, int],
        topics: Sequence[str],
    ) -> AsyncIterator[News]:
        if first.gone or first.reset:
            yield first
        listener = Listener()
        with contextlib.ExitStack() as leaving:
            for name in topics:
                self._hear(leaving, name, listener)
            places = [
                self._join(leaving, name, after, listener)
                for name, after in starts.items()
            ]
            heard = dict.fromkeys(topics, 0)
            while topics or not all(one.ended for one in places):
                pieces = await _taken(places)
                rings = {name: self._topics[name].rings for name in topics}
                changed = tuple(name for name in topics if rings[name] != heard[name])
                heard = rings
                if pieces or changed:
                    own = {one.broadcast.name: one.after for one in places}
                    yield News(
                        pieces=pieces,
                        places={**known, **own},
                        changed=changed,
                    )
                elif not await _woken(listener):
                    yield News()

    def _join(
        self, leaving: contextlib.ExitStack, name: str, after: int, listener: Listener
    ) -> Place:
        place = self._broadcasts.join(name, after, listener)
        leaving.callback(self._broadcasts.leave, place, listener)
        return place

    def _hear(
        self, leaving: contextlib.ExitStack, name: str, listener: Listener
    ) -> None:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = _Topic(name, self._doorbell)
        topic.listeners.add(listener)
        leaving.callback(self._stop_hearing, topic, listener)

    def _stop_hearing(self, topic: _Topic, listener: Listener) -> None:
        topic.listeners.discard(listener)
        if not topic.listeners:
            topic.watching.cancel()
            del self._topics[topic.name]


async def _taken(places: Sequence[Place]) -> tuple[Piece, ...]:
    """Return what comes next in some logs; the rest of much is left for later."""
    pieces: list[Piece] = []
    size = 0
    for place in places:
        piece = None if place.ended else await place.take()
        if piece is not None:
            pieces.append(piece)
            size += len(piece.whole)
        if size > _MOST_BYTES:
            break
    return tuple(pieces)


async def _woken(listener: Listener) -> bool:
    """Return whether the listener was woken before a silence became too long."""
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            await listener.sleep()
    except TimeoutError:
        return False
    return True
