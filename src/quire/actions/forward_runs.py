"""Forwarding whole runs: to a target whose writer cannot take one up again."""

from collections.abc import AsyncIterator, Callable

from msgspec.structs import replace

from quire.actions.forward_order import READINGS
from quire.actions.outlet_pump import Pace, pace_of
from quire.clock import Clock
from quire.documents.names import DocumentName
from quire.jobs.retrying import RetryPolicy
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet import RunOutlet, RunRejected
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.ports.store import Store, Transaction

_CATCH_UP = 100  # full pages, at most, between one run and the next
_DECIDED = frozenset({RunState.ASIDE, RunState.SKIPPED})
_DUE = frozenset({RunState.DUE})
_Advance = Callable[[OutletRun], OutletRun]


class RunSteps:
    """`quire.actions.outlet_pump.Steps` of an outlet for whole runs.

    Which runs are due is stored with the position, in one decision; so a crash has a
    run written again, and loses none. A run is due once it is closed, or silent for
    a while; what comes later has it written anew.
    """

    def __init__(
        self,
        name: str,
        outlet: RunOutlet,
        store: Store,
        clock: Clock,
        *,
        amount: Amount | None = None,
        policy: RetryPolicy,
    ) -> None:
        self.position = Position()
        self.sent = 0
        self.wake_at: float | None = None
        self._name = name
        self._outlet = outlet
        self._store = store
        self._clock = clock
        self._amount = amount or Amount()
        self._policy = policy
        self._noted = 0

    async def begin(self) -> None:
        """Find out where the outlet was."""
        stored = await self._store.view(lambda tx: tx.outbox.position(self._name))
        self.position = stored or Position()

    async def step(self) -> Pace:
        """Note which runs have become due, and write one that is."""
        page = await self._store.view(
            lambda tx: tx.outbox.after(self.position, self._amount)
        )
        if page:
            await self._store.decide(lambda tx: self._register(tx, page))
            self.position = page[-1].position
        pace = pace_of(page, self._amount)
        self._noted = self._noted + 1 if pace is Pace.FULL else 0
        if 0 < self._noted < _CATCH_UP:
            return pace  # what follows may be of the very runs that are due
        self._noted = 0
        soonest = await self._store.view(self._soonest)
        self.wake_at = None if soonest is None else soonest.not_before
        if soonest is not None and soonest.not_before <= self._clock.now():
            await self._write(soonest)
            return Pace.FULL
        return pace

    async def end(self) -> None:
        """Let go of the target; the position is stored already."""
        await self._outlet.aclose()

    def _register(self, tx: Transaction, page: tuple[Outgoing, ...]) -> None:
        newest: dict[str, int] = {}
        for one in page:
            if one.run is not None:
                number = max(newest.get(one.run, 0), one.document.number)
                newest[one.run] = number
        for run, number in newest.items():
            self._make_due(tx, run, number)
        tx.outbox.move(self._name, page[-1].position)

    def _make_due(self, tx: Transaction, run: str, number: int) -> None:
        now = self._clock.now()
        former = tx.outlet_runs.get(self._name, run)
        if former is None:
            former = OutletRun(outlet=self._name, run=run, state=RunState.DONE)
        if former.state in _DECIDED:
            return
        stored = tx.runs.get(run)
        closed = stored is not None and stored.exit_status is not None
        not_before = now if closed else now + self._outlet.settle
        if former.attempts:
            not_before = max(not_before, former.not_before)
        tx.outlet_runs.put(
            replace(
                former,
                state=RunState.DUE,
                # A late document has a smaller number, and counts all the same.
                number=max(former.number + 1, number),
                not_before=not_before,
                since=now,
            )
        )

    def _soonest(self, tx: Transaction) -> OutletRun | None:
        query = OutletRunQuery(outlet=self._name, states=_DUE, limit=1)
        return next(iter(tx.outlet_runs.page(query)), None)

    async def _write(self, record: OutletRun) -> None:
        async def claim() -> None:
            await self._change(record, lambda now: replace(now, begun=True))

        run = await self._store.view(lambda tx: tx.runs.get(record.run))
        try:
            await self._outlet.send_run(
                record.run,
                self._pages(record),
                closed=run is not None and run.exit_status is not None,
                begun=record.begun,
                claim=claim,
            )
        except RunRejected as rejected:
            await self._reject(record, rejected)
            return
        await self._change(record, lambda now: _done(now, record))

    async def _reject(self, record: OutletRun, rejected: RunRejected) -> None:
        now = self._clock.now()

        def advance(current: OutletRun) -> OutletRun:
            if current.state is not RunState.DUE:
                return current  # somebody has decided meanwhile
            attempts = current.attempts + 1
            again = attempts <= self._policy.retries and not rejected.foreign
            wait = self._policy.delay(attempts)
            return replace(
                current,
                state=RunState.DUE if again else RunState.ASIDE,
                not_before=now + wait if again else 0.0,
                error=rejected.reason,
                attempts=attempts,
                since=now,
                begun=current.begun and (record.begun or not rejected.foreign),
            )

        await self._change(record, advance)

    async def _change(self, record: OutletRun, advance: _Advance) -> None:
        """Change what is stored now, which may be newer than what was read."""

        def decide(tx: Transaction) -> None:
            current = tx.outlet_runs.get(self._name, record.run) or record
            tx.outlet_runs.put(advance(current))

        await self._store.decide(decide)

    async def _pages(
        self, record: OutletRun
    ) -> AsyncIterator[tuple[StoredDocument, ...]]:
        for names in READINGS:
            after = 0
            while page := await self._page(record.run, after, names):
                yield page
                self.sent += len(page)
                after = page[-1].number

    async def _page(
        self, run: str, after: int, names: frozenset[DocumentName]
    ) -> tuple[StoredDocument, ...]:
        return await self._store.view(
            lambda tx: tx.outbox.of_run(run, after, names, self._amount)
        )


def _done(current: OutletRun, written: OutletRun) -> OutletRun:
    """Return the record behind a writing; what came meanwhile is still due."""
    current = replace(current, begun=True, attempts=0, error="")
    if current.state is RunState.DUE and current.number == written.number:
        return replace(current, state=RunState.DONE)
    return current
