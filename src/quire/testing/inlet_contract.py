"""What every inlet must do; subclass `InletContract` and give it its source.

Order kept, duplicates harmless, and resuming after a death at any point: nothing is
lost, and what the source is told follows what our disk holds.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.actions.inlet_pump import InletPacing, InletPump
from quire.documents.document import Document
from quire.documents.validation import Validator
from quire.errors import StoreFull, StoreUnavailable
from quire.ports.inlet import Batch, Inlet
from quire.ports.inlet_records import InletPosition, SetAside
from quire.ports.store import Decision, Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.documents import make_run, make_uid
from quire.testing.still_clock import StillClock
from quire.testing.waiting import PATIENCE

T = TypeVar("T")
NAME = "contract"
_POLL = 0.005
_OWNER = Principal(name="me", scopes=frozenset(Scope))
# Ingest, note, tell the source; before and after each.
_POINTS = 6


class Source(Protocol):
    """A source to read, of its own for each test."""

    def inlet(self) -> Inlet:
        """Return a new reader of it, as a server has that was started again."""
        ...

    async def publish(self, documents: Sequence[Document]) -> None:
        """Have documents come, in order."""
        ...

    async def publish_rubbish(self) -> None:
        """Have something come that is no document."""
        ...

    async def settle(self, pump: InletPump) -> None:
        """Return once nothing that is published from now on can be missed."""
        ...


class Crash(BaseException):
    """The process dies here."""


class Fuse:
    """Burns once, when it was passed so many times.

    Attributes
    ----------
    burnt
        Whether it did.
    """

    def __init__(self, passes: int) -> None:
        self._left = passes
        self.burnt = False

    def __call__(self) -> None:
        """Raise at the time told.

        Raises
        ------
        Crash
            Now is the time.
        """
        self._left -= 1
        if self._left == -1:
            self.burnt = True
            raise Crash


class FusedStore:
    """A store before and after whose decisions the process may die."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse
        self.view = store.view
        self.ready = store.ready
        self.aclose = store.aclose

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Decide between two chances to die."""
        self._fuse()
        outcome = await self._store.decide(decision, brief=brief)
        self._fuse()
        return outcome


class FusedInlet:
    """An inlet before and after whose commits the process may die."""

    def __init__(self, inlet: Inlet, fuse: Fuse) -> None:
        self._inlet = inlet
        self._fuse = fuse
        self.source = inlet.source
        self.replays = inlet.replays
        self.take = inlet.take
        self.aclose = inlet.aclose
        self.notes = inlet.notes

    async def begin(self, positions: Sequence[InletPosition]) -> None:
        """Begin."""
        await self._inlet.begin(positions)

    async def commit(self, batch: Batch) -> None:
        """Commit between two chances to die."""
        self._fuse()
        await self._inlet.commit(batch)
        self._fuse()


class SickStore(FusedStore):
    """A store that is full, then unavailable, for its first decisions."""

    def __init__(self, store: Store, failures: int) -> None:
        super().__init__(store, Fuse(-1))
        self.failures = failures

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Refuse, until the failures are used up.

        Raises
        ------
        StoreUnavailable
            They are not.
        """
        if self.failures:
            self.failures -= 1
            kind = StoreFull if self.failures % 2 else StoreUnavailable
            raise kind("sick on purpose")
        return await self._store.decide(decision, brief=brief)


class InletContract:
    """Override `new_source`."""

    replays = True

    @pytest.fixture
    def new_source(self) -> Callable[[], Source]:
        """Return what makes a source that nothing was published to."""
        raise NotImplementedError

    async def test_order_and_bytes(self, new_source: Callable[[], Source]) -> None:
        """Documents are stored as they came, in the order in which they came."""
        source, store = new_source(), new_store()
        documents = _documents(events=300)
        pump = new_pump(source.inlet(), store)
        assert pump.inlet.replays is self.replays
        pump.start()
        await source.settle(pump)
        await source.publish(documents[:100])
        await source.publish(documents[100:])
        await until(lambda: pump.tally.accepted == len(documents))
        await until(lambda: pump.trouble is None)
        await pump.stop()
        assert await stored(store) == contents(documents)

    async def test_twice_is_once(self, new_source: Callable[[], Source]) -> None:
        """What comes again is known; rubbish is set aside, and stops nothing."""
        source, store = new_source(), new_store()
        documents = _documents(events=20)
        pump = new_pump(source.inlet(), store)
        pump.start()
        await source.settle(pump)
        await source.publish(documents)
        await source.publish_rubbish()
        await source.publish(documents)
        tally = pump.tally
        await until(lambda: tally.repeated >= len(documents) and tally.refused >= 1)
        await pump.stop()
        assert await stored(store) == contents(documents)
        assert tally.accepted == len(documents)
        (aside,) = await set_aside(store)
        assert aside.place
        assert aside.reason
        assert aside.raw

    async def test_a_sick_store_costs_nothing(
        self, new_source: Callable[[], Source]
    ) -> None:
        """The pump waits and tries the same again; the trouble shows meanwhile."""
        source, store = new_source(), new_store()
        documents = _documents(events=20)
        sick = SickStore(store, 0)
        pump = new_pump(source.inlet(), sick)
        pump.start()
        await source.settle(pump)
        sick.failures = 7
        await source.publish(documents)
        await until(lambda: pump.trouble is not None)
        assert pump.trouble is not None
        assert "sick on purpose" in pump.trouble.error
        await until(lambda: pump.tally.accepted == len(documents))
        await until(lambda: pump.trouble is None)
        await pump.stop()
        assert await stored(store) == contents(documents)

    async def test_death_at_any_point(self, new_source: Callable[[], Source]) -> None:
        """Nothing is lost, doubled or out of order, and nothing set aside twice."""
        if not self.replays:
            return
        await asyncio.gather(
            *(_die_and_resume(new_source(), point) for point in range(_POINTS))
        )

    async def test_what_was_committed_stays_away(
        self, new_source: Callable[[], Source]
    ) -> None:
        """After an orderly stop only what is new comes."""
        if not self.replays:
            return
        source, store = new_source(), new_store()
        documents = _documents(events=20)
        await source.publish(documents[:10])
        pump = new_pump(source.inlet(), store)
        pump.start()
        await until(lambda: pump.tally.accepted == 10)
        # The commit at the source stands behind the count.
        await until(lambda: pump.settled)
        await pump.stop()
        await source.publish(documents[10:])
        again = new_pump(source.inlet(), store)
        again.start()
        await until(lambda: again.tally.accepted == len(documents) - 10)
        await again.stop()
        assert again.tally.repeated == 0
        assert await stored(store) == contents(documents)


async def _die_and_resume(source: Source, point: int) -> None:
    store, fuse = new_store(), Fuse(point)
    documents = _documents(events=20)
    await source.publish(documents[:8])
    await source.publish_rubbish()
    await source.publish(documents[8:])
    inlet = source.inlet()
    doomed = new_pump(FusedInlet(inlet, fuse), FusedStore(store, fuse))
    await doomed.begin()
    with pytest.raises(Crash):
        await _for_ever(doomed)
    await inlet.aclose()
    assert fuse.burnt
    pump = new_pump(source.inlet(), store)
    pump.start()

    async def whole() -> bool:
        return len(await stored(store)) == len(documents)

    await until_async(whole)
    # A second run behind it: by then all that was to come again has come.
    await source.publish(_documents(events=0, seed="behind"))
    await until_async(lambda: _has(store, make_uid("behind", "stop")))
    await pump.stop()
    assert await stored(store) == contents(documents)
    assert len(await set_aside(store)) == 1


async def _for_ever(pump: InletPump) -> None:
    while True:
        await pump.step()


async def _has(store: Store, uid: str) -> bool:
    found = await stored(store, make_uid("behind", "start"))
    return any(body["uid"] == uid for _, body in found)


def _documents(*, events: int, seed: str = "run") -> list[Document]:
    return make_run(seed, events=events)


def new_store() -> Store:
    """Return an empty store in memory."""
    return MemoryStore(doorbell=LocalDoorbell())


def new_pump(inlet: Inlet, store: Store) -> InletPump:
    """Return a pump that does not wait long."""
    clock = StillClock(1_800_000_000.0)
    return InletPump(
        NAME,
        inlet,
        ingest=Ingest(store, Validator(), clock, lease=600.0),
        store=store,
        owner=_OWNER,
        clock=clock,
        pacing=InletPacing(first=0.01, longest=0.05),
    )


async def stored(
    store: Store, run: str = make_uid("run", "start")
) -> list[tuple[str, Any]]:
    """Return name and content of a run's documents, in the order of arrival."""
    found = await store.view(lambda tx: list(tx.documents.of_run(run)))
    return [(one.name.value, json.loads(one.raw)) for one in found]


async def set_aside(store: Store) -> tuple[SetAside, ...]:
    """Return what was set aside."""
    return await store.view(lambda tx: tx.inlets.aside(NAME, 0, 1000))


def contents(documents: Sequence[Document]) -> list[tuple[str, Any]]:
    """Return name and content of each."""
    return [(one.name.value, one.body) for one in documents]


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fails after a minute."""

    async def asked() -> bool:
        return condition()

    await until_async(asked)


async def until_async(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once the condition holds; fails after a minute."""
    async with asyncio.timeout(PATIENCE):
        # Of stores and of sources elsewhere, that ring no bell.
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(_POLL)
