"""Forwarding one document after the other: to another Quire, to Kafka."""

from collections.abc import AsyncIterator, Sequence
from itertools import chain

import msgspec
from msgspec.structs import replace

from quire.actions.forward_order import READINGS
from quire.actions.outlet_pump import Pace, pace_of
from quire.clock import Clock
from quire.documents.names import DocumentName
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet import DocumentOutlet, Refused, RunRejected
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.ports.store import Store, Transaction

_SAVE_SECONDS = 1.0
_HELD = frozenset({RunState.ASIDE, RunState.DUE})


class _Look(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to do: a run to send again, else what follows the position.

    Of a page the held runs do not go out, nor the documents that a person left out.
    """

    due: OutletRun | None = None
    page: tuple[Outgoing, ...] = ()
    held: frozenset[str] = frozenset()
    left_out: frozenset[int] = frozenset()


class DocumentSteps:
    """`quire.actions.outlet_pump.Steps` of an outlet for documents.

    The position is stored lazily: a crash has the last second sent again, never
    anything left out. A run that was set aside is sent from its first document on
    once it is due; until then what else comes of it waits in the store.
    """

    def __init__(
        self,
        name: str,
        outlet: DocumentOutlet,
        store: Store,
        clock: Clock,
        *,
        amount: Amount | None = None,
    ) -> None:
        self.position = Position()
        self.sent = 0
        self.wake_at: float | None = None
        self._name = name
        self._outlet = outlet
        self._store = store
        self._clock = clock
        self._amount = amount or Amount()
        self._saved = Position()
        self._saved_at = 0.0

    async def begin(self) -> None:
        """Find out where the outlet was."""
        stored = await self._store.view(lambda tx: tx.outbox.position(self._name))
        self.position = self._saved = stored or Position()

    async def step(self) -> Pace:
        """Send a page, or a run that is to be sent again."""
        look = await self._store.view(self._look)
        if look.due is not None:
            await self._send_again(look.due)
            return Pace.FULL
        if not look.page:
            await self._save()
            return Pace.IDLE
        going = [one for one in look.page if self._goes(one, look)]
        try:
            refused = await self._outlet.send(going) if going else ()
        except RunRejected as rejected:
            await self._set_aside(rejected)
            return Pace.FULL
        self.sent += len(going)
        position = look.page[-1].position
        if refused:
            await self._store.decide(lambda tx: self._note(tx, refused, position))
        self.position = position
        if refused or self._clock.now() - self._saved_at >= _SAVE_SECONDS:
            await self._save()
        return pace_of(look.page, self._amount)

    async def end(self) -> None:
        """Store how far the outlet has come, and let go of its target."""
        try:
            await self._save()
        finally:
            await self._outlet.aclose()

    def _look(self, tx: Transaction) -> _Look:
        query = OutletRunQuery(
            outlet=self._name,
            states=frozenset({RunState.DUE}),
            limit=1,
            ready_at=self._clock.now(),
        )
        if due := tx.outlet_runs.page(query):
            return _Look(due=due[0])
        page = tx.outbox.after(self.position, self._amount)
        runs = {one.run for one in page if one.run is not None}
        found = [tx.outlet_runs.get(self._name, run) for run in runs]
        records = [one for one in found if one is not None]
        return _Look(
            page=page,
            held=frozenset(one.run for one in records if one.state in _HELD),
            left_out=frozenset(chain.from_iterable(one.left_out for one in records)),
        )

    def _goes(self, one: Outgoing, look: _Look) -> bool:
        if one.run is None:
            return self._outlet.takes_waiting
        return one.run not in look.held and one.document.number not in look.left_out

    async def _save(self) -> None:
        position = self.position
        if position != self._saved:
            await self._store.decide(lambda tx: tx.outbox.move(self._name, position))
            self._saved = position
        self._saved_at = self._clock.now()

    async def _send_again(self, record: OutletRun) -> None:
        """Send a run as far as the position has come; the rest follows in its turn."""
        refused: list[Refused] = []
        async for page in self._pages_of(record.run):
            going = [one for one in page if one.document.number not in record.left_out]
            try:
                refused += await self._outlet.send(going) if going else ()
            except RunRejected as rejected:
                await self._set_aside(rejected)
                return
            self.sent += len(going)

        def decide(tx: Transaction) -> None:
            if record.left_out:
                done = replace(record, state=RunState.SKIPPED, refused=0, attempts=0)
                tx.outlet_runs.put(done)
            else:
                tx.outlet_runs.remove(self._name, record.run)
            self._note(tx, refused, self.position)

        await self._store.decide(decide)

    async def _pages_of(self, run: str) -> AsyncIterator[list[Outgoing]]:
        for names in READINGS:
            after = 0
            while page := await self._page_of(run, after, names):
                yield page
                after = page[-1].document.number

    async def _page_of(
        self, run: str, after: int, names: frozenset[DocumentName]
    ) -> list[Outgoing]:
        page = await self._store.view(
            lambda tx: tx.outbox.of_run(run, after, names, self._amount)
        )
        return [
            Outgoing(run=run, document=document)
            for document in page
            if document.number <= self.position.number
        ]

    async def _set_aside(self, rejected: RunRejected) -> None:
        now = self._clock.now()

        def decide(tx: Transaction) -> None:
            former = self._record(tx, rejected.run)
            tx.outlet_runs.put(
                replace(
                    former,
                    state=RunState.ASIDE,
                    number=rejected.number,
                    error=rejected.reason,
                    since=now,
                    attempts=former.attempts + 1,
                )
            )

        await self._store.decide(decide)

    def _note(
        self, tx: Transaction, refused: Sequence[Refused], position: Position
    ) -> None:
        """Keep what was refused, in one decision with the position behind it."""
        for one in refused:
            former = self._record(tx, one.document.run or "")
            tx.outlet_runs.put(
                replace(
                    former,
                    state=RunState.REFUSED,
                    number=one.document.document.number,
                    error=one.reason,
                    since=self._clock.now(),
                    refused=former.refused + 1,
                )
            )
        if refused:
            tx.outbox.move(self._name, position)

    def _record(self, tx: Transaction, run: str) -> OutletRun:
        return tx.outlet_runs.get(self._name, run) or OutletRun(
            outlet=self._name, run=run, state=RunState.REFUSED
        )
