"""What every outbox, and every outlet for documents, must do.

Subclass `OutboxContract` with a store, and `OutletContract` with a target.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import pytest

from quire.access.principals import Principal
from quire.actions.forward_documents import DocumentSteps
from quire.actions.ingest import Ingest
from quire.actions.outlet_pump import Pace
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.validation import Validator
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet import DocumentOutlet, OutletUnavailable, Refused, RunRejected
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.ports.store import Store
from quire.testing.contracts.fixtures import ODD_UIDS
from quire.testing.documents import as_ndjson, make_run, make_uid
from quire.testing.still_clock import StillClock

_ME = Principal(name="me")
_ALL = frozenset(DocumentName)
_SMALL = Amount(documents=3, size=2**20)


class RecordingOutlet:
    """An outlet into a list.

    Parameters
    ----------
    poison
        Documents of these uids have their run set aside.
    refuse
        Documents of these uids are refused for good.

    Attributes
    ----------
    received
        What was sent, in order.
    trouble
        How many sends, from now on, fail half-way.
    """

    target = "memory:"
    takes_waiting = False

    def __init__(
        self, *, poison: Collection[str] = (), refuse: Collection[str] = ()
    ) -> None:
        self.received: list[Outgoing] = []
        self.trouble = 0
        self.poison = set(poison)
        self.refuse = set(refuse)

    async def send(self, documents: Sequence[Outgoing]) -> tuple[Refused, ...]:
        """Keep the documents; where it fails, the first half got there."""
        if self.trouble:
            self.trouble -= 1
            self.received += documents[: len(documents) // 2]
            raise OutletUnavailable("trouble")
        refused = []
        for one in documents:
            if any(uid.encode() in one.document.raw for uid in self.poison):
                raise RunRejected(one.run or "", one.document.number, "poison")
            if any(uid.encode() in one.document.raw for uid in self.refuse):
                refused.append(Refused(document=one, reason="refused"))
            else:
                self.received.append(one)
        return tuple(refused)

    async def aclose(self) -> None:
        """Do nothing."""

    def raws(self, run: str) -> list[bytes]:
        """Return what of a run was received, first occurrences only, in order."""
        of_run = (one.document.raw for one in self.received if one.run == run)
        return list(dict.fromkeys(of_run))


async def take(store: Store, documents: Sequence[Document], *, batch: int = 0) -> None:
    """Ingest documents, `batch` at a time, 0 for all at once."""
    ingest = Ingest(store, Validator(), StillClock(1.0), lease=60.0)
    size = batch or len(documents)
    for at in range(0, len(documents), size):
        receipt = await ingest(as_ndjson(documents[at : at + size]), "", _ME)
        assert not receipt.refused


async def drain(steps: DocumentSteps) -> None:
    """Step until there is nothing to do."""
    while await steps.step() is not Pace.IDLE:
        pass


def raws(documents: Sequence[Document]) -> list[bytes]:
    """Return the bytes of documents."""
    return [document.raw for document in documents]


class OutboxContract:
    """The guarantees of `quire.ports.outbox_records` and of `outlet_run_records`."""

    @pytest.fixture
    def store(self) -> Store:
        """Return an empty store."""
        raise NotImplementedError

    async def _all(self, store: Store, amount: Amount) -> list[Outgoing]:
        found: list[Outgoing] = []
        position = Position()
        while page := await self._page(store, position, amount):
            assert len(page) <= amount.documents
            found += page
            position = page[-1].position
        return found

    async def _page(
        self, store: Store, position: Position, amount: Amount
    ) -> tuple[Outgoing, ...]:
        return await store.view(lambda tx: tx.outbox.after(position, amount))

    async def _behind(self, store: Store, position: Position) -> int:
        return await store.view(lambda tx: tx.outbox.behind(position, 10_000))

    @pytest.mark.parametrize("batch", [1, 2, 5, 0])
    async def test_documents_follow_in_the_order_of_arrival(
        self, store: Store, batch: int
    ) -> None:
        """In pages of any size, each document once, and as many behind as follow."""
        documents = [*make_run(1, 4), *make_run(2, 3)]
        await take(store, documents, batch=batch)
        for amount in (Amount(documents=1), _SMALL, Amount(), Amount(size=1)):
            found = await self._all(store, amount)
            assert [one.document.raw for one in found] == raws(documents)
            runs = [one.run for one in found]
            assert runs == [make_uid(1, "start")] * 7 + [make_uid(2, "start")] * 6
            for place, one in enumerate(found, start=1):
                behind = await self._behind(store, one.position)
                assert behind == len(found) - place
        assert await self._behind(store, Position()) == len(documents)

    @pytest.mark.parametrize("batch", [1, 2, 0])
    async def test_a_late_document_follows_what_told_its_run(
        self, store: Store, batch: int
    ) -> None:
        """Even where the position has passed its number already."""
        start, descriptor, *events, stop = make_run(1, 3)
        await take(store, events, batch=batch)
        await take(store, make_run(2, 1))
        waiting = await self._all(store, Amount())
        assert [one.run for one in waiting[:3]] == [None] * 3
        position = waiting[-1].position
        await take(store, [start, descriptor], batch=batch)
        await take(store, [stop])
        page = await self._page(store, position, Amount())
        assert [one.document.raw for one in page] == raws(
            [start, descriptor, *events, stop]
        )
        assert {one.run for one in page} == {make_uid(1, "start")}
        assert [one.late for one in page] == [False, False, True, True, True, False]
        for amount in (Amount(documents=1), _SMALL):
            again: list[Outgoing] = []
            while more := await self._page(
                store, again[-1].position if again else position, amount
            ):
                again += more
            assert again == list(page)
        assert await self._behind(store, page[-1].position) == 0
        assert await self._behind(store, position) == 6

    async def test_a_run_is_read_in_pieces(self, store: Store) -> None:
        """In the order of arrival, of the names asked for, adopted ones too."""
        start, descriptor, first, second, stop = make_run(1, 2)
        order = [second, start, descriptor, first, stop]
        for one in order:
            await take(store, [one])
        run = make_uid(1, "start")
        for names in (_ALL, {DocumentName.EVENT}, {DocumentName.STOP}, set()):
            for amount in (Amount(documents=1), Amount(documents=2), Amount()):
                found: list[bytes] = []
                after = 0
                while page := await self._of_run(store, run, after, names, amount):
                    after = page[-1].number
                    found += [one.raw for one in page]
                assert found == [one.raw for one in order if one.name in names]
        assert await self._of_run(store, "none", 0, _ALL, Amount()) == ()

    async def test_long_deliveries_are_read_as_they_came(self, store: Store) -> None:
        """Of whatever size the blocks are that a store makes of them."""
        start, descriptor, *events, stop = make_run(1, 300)
        await take(store, events[:200])
        await take(store, [start, descriptor, *events[200:], stop])
        run = make_uid(1, "start")
        found: list[bytes] = []
        after = 0
        while page := await self._of_run(store, run, after, _ALL, Amount(documents=7)):
            after = page[-1].number
            found += [one.raw for one in page]
        order = [*events[:200], start, descriptor, *events[200:], stop]
        assert found == raws(order)
        known = [one for one in await self._all(store, _SMALL) if one.run == run]
        assert {one.document.raw for one in known} == set(raws(order))
        assert len(known) == len(order)

    async def _of_run(
        self,
        store: Store,
        run: str,
        after: int,
        names: Collection[DocumentName],
        amount: Amount,
    ) -> tuple:  # type: ignore[type-arg]
        return await store.view(lambda tx: tx.outbox.of_run(run, after, names, amount))

    async def test_positions_of_outlets(self, store: Store) -> None:
        """Each its own; none before the first move."""
        moved = Position(number=2**40, late=3)
        await store.decide(lambda tx: tx.outbox.move("a", moved))
        assert await store.view(lambda tx: tx.outbox.position("a")) == moved
        assert await store.view(lambda tx: tx.outbox.position("b")) is None

    async def test_records_of_runs(self, store: Store) -> None:
        """Put replaces; by state, soonest first; removing nothing is harmless."""
        records = [
            OutletRun(
                outlet="a",
                run=uid,
                state=(RunState.DUE, RunState.ASIDE)[place % 2],
                not_before=float(-place),
                left_out=(place,),
            )
            for place, uid in enumerate(ODD_UIDS)
        ]
        for record in records:
            former = OutletRun(outlet="a", run=record.run, state=RunState.DONE)
            await self._put(store, former)
            await self._put(store, record)
        for record in records:
            assert await self._get(store, "a", record.run) == record
            assert await self._get(store, "b", record.run) is None
        due = [one for one in reversed(records) if one.state is RunState.DUE]
        for states, limit, ready, expected in (
            ({RunState.DUE}, 99, None, due),
            ({RunState.DUE}, 2, None, due[:2]),
            ({RunState.DUE}, 99, -5.0, [one for one in due if one.not_before <= -5]),
            ({RunState.DUE, RunState.ASIDE}, 99, None, records[::-1]),
            ({RunState.DONE}, 99, None, []),
        ):
            query = OutletRunQuery(
                outlet="a", states=frozenset(states), limit=limit, ready_at=ready
            )
            assert await self._records(store, query) == expected
        count = await store.view(lambda tx: tx.outlet_runs.count("a", {RunState.DUE}))
        assert count == len(due)
        for run in (records[0].run, "none"):
            await self._remove(store, run)
        assert await self._get(store, "a", records[0].run) is None

    async def _put(self, store: Store, record: OutletRun) -> None:
        await store.decide(lambda tx: tx.outlet_runs.put(record))

    async def _get(self, store: Store, outlet: str, run: str) -> OutletRun | None:
        return await store.view(lambda tx: tx.outlet_runs.get(outlet, run))

    async def _records(self, store: Store, query: OutletRunQuery) -> list[OutletRun]:
        return list(await store.view(lambda tx: tx.outlet_runs.page(query)))

    async def _remove(self, store: Store, run: str) -> None:
        await store.decide(lambda tx: tx.outlet_runs.remove("a", run))


class Target(Protocol):
    """A real target, and what it holds."""

    def outlet(self) -> DocumentOutlet:
        """Return a new outlet to it."""
        ...

    async def received(self, run: str) -> list[dict[str, object]]:
        """Return the documents that it has of a run, in its order."""
        ...


class OutletContract:
    """The guarantees of `quire.ports.outlet.DocumentOutlet`, at a real target.

    Needs a fixture ``store`` too: an empty one.
    """

    @pytest.fixture
    async def target(self) -> Target:
        """Return an empty target."""
        raise NotImplementedError

    async def test_documents_get_there_once_confirmed(
        self, store: Store, target: Target
    ) -> None:
        """Whole, each run in its order."""
        runs = [make_run(seed, 12) for seed in range(3)]
        mixed = [one for several in zip(*runs, strict=True) for one in several]
        await take(store, mixed, batch=5)
        outlet = target.outlet()
        steps = DocumentSteps("out", outlet, store, StillClock(1.0), amount=_SMALL)
        await drain(steps)
        await steps.end()
        for documents in runs:
            run = documents[0].body["uid"]
            assert await target.received(run) == [one.body for one in documents]

    async def test_what_was_closed_sends_again(
        self, store: Store, target: Target
    ) -> None:
        """As where another server has forwarded for a while."""
        outlet = target.outlet()
        await outlet.aclose()
        for seed in (8, 9):
            documents = make_run(seed, 3)
            await take(store, documents)
            steps = DocumentSteps("out", outlet, store, StillClock(1.0))
            await drain(steps)
            await steps.end()
            run = documents[0].body["uid"]
            assert await target.received(run) == [one.body for one in documents]

    async def test_a_pump_that_dies_at_any_step_loses_nothing(
        self, store: Store, target: Target
    ) -> None:
        """What it sends again comes behind what it sent, in the same order."""
        documents = make_run(7, 20)
        await take(store, documents, batch=4)
        for most in (1, 2, 3, 5, 99):
            steps = DocumentSteps(
                "out", target.outlet(), store, StillClock(1.0), amount=_SMALL
            )
            await steps.begin()
            for _ in range(most):
                if await steps.step() is Pace.IDLE:
                    break
            # Dropped here without `end`: the position is what was stored by chance.
            await steps._outlet.aclose()  # noqa: SLF001
        received = await target.received(documents[0].body["uid"])
        first = {str(one["uid"]): one for one in received[::-1]}
        seen = list(dict.fromkeys(str(one["uid"]) for one in received))
        assert [first[uid] for uid in seen] == [one.body for one in documents]
