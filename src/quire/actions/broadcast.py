"""One reader of a progress log for all who listen to it.

The reader pulls the log once and encodes each entry once; its listeners only take
bytes. None has a queue of its own, so a slow one costs no more than its place in the
log, and one that has fallen far behind reads the log itself until it has caught up
(``reference/progress.md`` section 6).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from quire.actions.follow import Follow
from quire.errors import NotFound
from quire.progress.log import Entry

SILENCE_SECONDS = 12.0
_CROWD = 200
_LEAST_WINDOW = 0.05
_MOST_WINDOW = 0.25
_WINDOW_A_LISTENER = 40e-6
_PAUSE_SECONDS = 0.01
_PIECE_BYTES = 64 * 1024
_KEPT_BYTES = 4 * 1024**2
_PAGE = 500

Encode = Callable[[Entry], bytes]


class Piece(NamedTuple):
    """Encoded entries that follow each other.

    Attributes
    ----------
    whole
        All of them.
    rest, last
        The same, with the last one by itself.
    after
        Number of the last one.
    final
        Whether the last one ends the act.
    """

    whole: bytes
    rest: bytes
    last: bytes
    after: int
    final: bool


class Listener:
    """Sleeps until one of the logs that it listens to has grown."""

    __slots__ = ("_sleep", "_woken")

    def __init__(self) -> None:
        self._woken = False
        self._sleep: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the sleep, or the next one."""
        self._woken = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def sleep(self) -> None:
        """Return once it was woken since the last return."""
        if not self._woken:
            self._sleep = asyncio.get_running_loop().create_future()
            try:
                await self._sleep
            finally:
                self._sleep = None
        self._woken = False


class Broadcast:
    """The log of one operation, as bytes, from where its first listener began.

    Attributes
    ----------
    listeners
        Those who are woken when there is something to take.
    beats
        How often there was nothing to tell for as long as `SILENCE_SECONDS`.
    """

    def __init__(self, name: str, after: int, follow: Follow, encode: Encode) -> None:
        self.name = name
        self.listeners: set[Listener] = set()
        self.beats = 0
        self._follow = follow
        self._encode = encode
        self._before = after  # number of the entry before the first that is kept
        self._kept: list[bytes] = []
        self._bytes = 0
        self._shown = after
        self._final = False
        self._failed: Exception | None = None
        self._latest: tuple[int, Piece] | None = None
        self._published = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.reading = asyncio.create_task(self._read(after))

    def serves(self, after: int) -> bool:
        """Return whether it has, or will have, what follows a number."""
        return not self.reading.done() or (self._final and after < self._shown)

    def piece(self, after: int) -> Piece | None:
        """Return what follows a number, None if nothing does yet.

        Raises
        ------
        LookupError
            What follows is not kept any more.
        """
        if after < self._before:
            raise LookupError(after)
        if after >= self._shown:
            if self._failed is not None:
                raise self._failed
            return None
        if self._latest is None or self._latest[0] != after:
            self._latest = after, self._joined(after)
        return self._latest[1]

    async def page(self, after: int) -> Piece:
        """Return what follows a number that is not kept any more, from the log."""
        entries = await self._follow.page(self.name, after, _PAGE)
        if not entries:
            raise NotFound("operation", self.name, "it was removed")
        parts = [self._encode(entry) for entry in entries]
        return _piece(parts, entries[-1].number, final=entries[-1].event.type.final)

    def _joined(self, after: int) -> Piece:
        begin, end = after - self._before, self._shown - self._before
        size, until = 0, begin
        while until < end and size < _PIECE_BYTES:
            size += len(self._kept[until])
            until += 1
        final = self._final and until == end
        return _piece(self._kept[begin:until], self._before + until, final=final)

    async def _read(self, after: int) -> None:
        try:
            entries = self._follow.entries(self.name, after, silence=SILENCE_SECONDS)
            async for batch in entries:
                self._take(batch)
                if self._timer is None or self._final:
                    self._publish_in_time()
                if len(self.listeners) > _CROWD:
                    # Many commits a second need not be as many looks at the log.
                    await asyncio.sleep(_PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - raised by each listener
            self._failed = error
            self._publish()

    def _take(self, batch: Sequence[Entry]) -> None:
        if not batch:
            self.beats += 1
            return
        parts = [self._encode(entry) for entry in batch]
        self._kept += parts
        self._bytes += sum(map(len, parts))
        self._final = batch[-1].event.type.final

    def _publish_in_time(self) -> None:
        """Publish now, or at the end of the window where there are many listeners."""
        loop = asyncio.get_running_loop()
        crowd = len(self.listeners)
        window = min(max(crowd * _WINDOW_A_LISTENER, _LEAST_WINDOW), _MOST_WINDOW)
        due = self._published + window
        if crowd <= _CROWD or self._final or loop.time() >= due:
            self._publish()
        else:
            self._timer = loop.call_at(due, self._publish)

    def _publish(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._published = asyncio.get_running_loop().time()
        self._shown = self._before + len(self._kept)
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._forget_half()
        for listener in self.listeners:
            listener.wake()

    def _forget_half(self) -> None:
        half = len(self._kept) // 2
        self._bytes -= sum(map(len, self._kept[:half]))
        del self._kept[:half]
        self._before += half

    def close(self) -> None:
        """Read no more."""
        self.reading.cancel()
        if self._timer is not None:
            self._timer.cancel()


class Place:
    """How far one listener has come in one operation's log."""

    __slots__ = ("_beats", "_broadcast", "after", "ended")

    def __init__(self, broadcast: Broadcast, after: int) -> None:
        self._broadcast = broadcast
        self._beats = broadcast.beats
        self.after = after
        self.ended = False

    @property
    def broadcast(self) -> Broadcast:
        """The log that it is in."""
        return self._broadcast

    async def take(self) -> Piece | None:
        """Return what comes next and go on behind it, None if nothing does yet."""
        try:
            piece = self._broadcast.piece(self.after)
        except LookupError:
            piece = await self._broadcast.page(self.after)
        if piece is not None:
            self.after, self.ended = piece.after, piece.final
            self._beats = self._broadcast.beats
        return piece

    def silent(self) -> bool:
        """Return whether it has been told of a silence since it was last asked."""
        told, self._beats = self._beats, self._broadcast.beats
        return told != self._beats


class Broadcasts:
    """The operations that somebody listens to, each read once.

    Parameters
    ----------
    encode
        Makes the bytes of an entry.
    """

    def __init__(self, follow: Follow, encode: Encode) -> None:
        self._follow = follow
        self._encode = encode
        self._open: dict[str, Broadcast] = {}

    async def listen(self, name: str, after: int) -> AsyncIterator[bytes]:
        """Yield encoded entries as they come, until a final one.

        Empty bytes say that nothing came for `SILENCE_SECONDS`.
        """
        listener = Listener()
        place = self.join(name, after, listener)
        try:
            while not place.ended:
                piece = await place.take()
                if piece is not None:
                    yield piece.whole
                elif place.silent():
                    yield b""
                else:
                    await listener.sleep()
        finally:
            self.leave(place, listener)

    def join(self, name: str, after: int, listener: Listener) -> Place:
        """Let a listener be woken when an operation's log grows."""
        broadcast = self._open.get(name)
        # One that has come to its end may have a new act behind it since.
        if broadcast is None or not broadcast.serves(after):
            broadcast = Broadcast(name, after, self._follow, self._encode)
            self._open[name] = broadcast
        broadcast.listeners.add(listener)
        return Place(broadcast, after)

    def leave(self, place: Place, listener: Listener) -> None:
        """Let a listener sleep; the last one to leave ends the reading."""
        broadcast = place.broadcast
        broadcast.listeners.discard(listener)
        if not broadcast.listeners:
            broadcast.close()
            if self._open.get(broadcast.name) is broadcast:
                del self._open[broadcast.name]


def _piece(parts: Sequence[bytes], after: int, *, final: bool) -> Piece:
    rest, last = b"".join(parts[:-1]), parts[-1]
    return Piece(rest + last, rest, last, after, final)
