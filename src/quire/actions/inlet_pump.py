"""The loop of one inlet: takes, ingests, notes how far it came, tells the source.

In that order, so that whatever dies in between comes again, which ingest knows as
repeated.
"""

import asyncio
import hashlib
import logging
import random
from collections.abc import Sequence

import msgspec

from quire.access.principals import Principal
from quire.actions.ingest import Ingest
from quire.actions.refusals import Refusal
from quire.clock import Clock
from quire.errors import QuireError, StoreUnavailable
from quire.jobs.retrying import RetryPolicy
from quire.ports.inlet import Batch, Inlet, Item
from quire.ports.inlet_records import InletPosition, SetAside
from quire.ports.store import Store, Transaction

_log = logging.getLogger(__name__)
_CLOSE_SECONDS = 5.0
_NDJSON = "application/x-ndjson"


class InletPacing(msgspec.Struct, frozen=True, kw_only=True):
    """How an inlet waits, and what it keeps of what it cannot store.

    Attributes
    ----------
    first, longest
        Seconds after the first failure and, doubling with jitter, after many.
    most_kept
        Bytes to set aside since the start where the source does not replay, so
        that a flood of rubbish does not fill the disk; what is beyond is counted.
    """

    first: float = 0.5
    longest: float = 30.0
    most_kept: int = 64 * 1024**2


class InletTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """A failure: what it was, and at which Unix seconds.

    Attributes
    ----------
    next_try
        Unix seconds; once they have passed, it is tried, or well again.
    failures
        In a row.
    since
        Unix seconds of the first of them.
    """

    error: str
    at: float
    next_try: float
    failures: int
    since: float


class Tally(msgspec.Struct, kw_only=True):
    """What became of the items since the start.

    Attributes
    ----------
    refused
        Set aside, or beyond what is set aside.
    dropped
        Those of the refused of which nothing is kept.
    last
        Unix seconds of the last delivery, None before the first.
    """

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    dropped: int = 0
    last: float | None = None


class InletPump:
    """Runs one inlet until it is stopped.

    Parameters
    ----------
    owner
        In whose name the documents are stored.

    Attributes
    ----------
    inlet
        What it runs.
    trouble
        The last failure, None while all is well.
    tally
        Its counts.
    settled
        Whether the source knows of all that was taken.
    """

    def __init__(
        self,
        name: str,
        inlet: Inlet,
        *,
        ingest: Ingest,
        store: Store,
        owner: Principal,
        clock: Clock,
        pacing: InletPacing,
    ) -> None:
        self.inlet = inlet
        self.trouble: InletTrouble | None = None
        self.tally = Tally()
        self.settled = True
        self._name = name
        self._ingest = ingest
        self._store = store
        self._owner = owner
        self._clock = clock
        self._policy = RetryPolicy(first=pacing.first, longest=pacing.longest)
        self._most_kept = pacing.most_kept
        self._kept = 0
        self._task: asyncio.Task[None] | None = None
        self._random = random.Random()  # noqa: S311 - spreading, no secret

    @property
    def running(self) -> bool:
        """Whether it runs here: of several servers on a store one reads."""
        return self._task is not None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.create_task(self._run(), name=f"inlet {self._name}")

    async def stop(self) -> None:
        """End; what was not committed by then comes again next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self.trouble = None
        await self._close()

    async def begin(self) -> None:
        """Have the inlet go on behind what was committed."""
        positions = await self._store.view(lambda tx: tx.inlets.positions(self._name))
        await self.inlet.begin(positions)

    async def step(self) -> None:
        """Take one batch, and see it to the disk and out of the source."""
        batch = await self.inlet.take()
        self.settled = False
        await self._deliver(batch)
        await self.inlet.commit(batch)
        self.settled = True
        if self.trouble is not None:
            waited = self._clock.now() - self.trouble.since
            _log.warning("inlet %s goes on after %.0f s", self._name, waited)
            self.trouble = None

    async def _run(self) -> None:
        while True:
            try:
                await self.begin()
                while True:
                    await self.step()
            except QuireError as problem:
                await self._back_off(problem)
            except Exception as problem:  # noqa: BLE001
                # A defect must not end the inlet without a word.
                _log.exception("inlet %s failed", self._name)
                await self._back_off(problem)
            await self._close()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.inlet.aclose()
        except (QuireError, TimeoutError) as problem:
            _log.warning("inlet %s did not end well: %s", self._name, problem)

    async def _back_off(self, problem: Exception) -> None:
        now, failures = self._clock.now(), 1
        former = self.trouble
        if former and now < former.next_try + self._policy.longest:
            failures = former.failures + 1
        told = isinstance(problem, QuireError)
        error = str(problem) if told else f"{type(problem).__name__}: {problem}"
        wait = self._policy.delay(failures) * self._random.uniform(0.5, 1.0)
        self.trouble = InletTrouble(
            error=error,
            at=now,
            next_try=now + wait,
            failures=failures,
            since=former.since if former and failures > 1 else now,
        )
        if told and (failures == 1 or not former or former.error != error):
            _log.warning("inlet %s waits: %s", self._name, error)
        await asyncio.sleep(wait)

    async def _deliver(self, batch: Batch) -> None:
        refused = [(item, _own_refusal(item)) for item in batch.items if item.fault]
        refused += await self._store_items([i for i in batch.items if not i.fault])
        await self._note(refused, batch.positions)
        if batch.items:
            self.tally.last = self._clock.now()

    async def _store_items(self, items: Sequence[Item]) -> list[tuple[Item, Refusal]]:
        """Store items, and return those that were refused.

        One on which ingest fails in a way that nobody foresaw is found by halving,
        so that it stops no others.
        """
        if not items:
            return []
        body = b"\n".join(item.line for item in items)
        while True:
            try:
                receipt = await self._ingest(body, _NDJSON, self._owner)
                break
            except StoreUnavailable as problem:
                # Kept in hand: not every source would give it again.
                await self._back_off(problem)
            except Exception as problem:  # noqa: BLE001
                if len(items) == 1:
                    _log.exception("inlet %s: %s", self._name, items[0].place)
                    return [(items[0], _defect(problem))]
                half = len(items) // 2
                first = await self._store_items(items[:half])
                return first + await self._store_items(items[half:])
        self.tally.accepted += receipt.accepted
        self.tally.repeated += receipt.repeated
        return [(items[refusal.index], refusal) for refusal in receipt.refused]

    async def _note(
        self,
        refused: Sequence[tuple[Item, Refusal]],
        positions: Sequence[InletPosition],
    ) -> None:
        now = self._clock.now()
        aside = [
            _set_aside(self._name, item, refusal, now)
            for item, refusal in refused
            if self._keeps(item)
        ]
        self.tally.refused += len(refused)
        self.tally.dropped += len(refused) - len(aside)
        if not aside and not positions:
            return

        def decide(tx: Transaction) -> None:
            for item in aside:
                tx.inlets.set_aside(item)
            tx.inlets.move(self._name, positions)

        while True:
            try:
                await self._store.decide(decide)
                break
            except StoreUnavailable as problem:
                await self._back_off(problem)

    def _keeps(self, item: Item) -> bool:
        if self.inlet.replays:
            return True
        self._kept += len(item.raw or item.line)
        return self._kept <= self._most_kept


def _own_refusal(item: Item) -> Refusal:
    return Refusal(index=0, name="", uid="", field="", reason=item.fault)


def _defect(problem: Exception) -> Refusal:
    reason = f"could not be stored: {type(problem).__name__}: {problem}"
    return Refusal(index=0, name="", uid="", field="", reason=reason)


def _set_aside(inlet: str, item: Item, refusal: Refusal, now: float) -> SetAside:
    raw = item.raw or item.line
    return SetAside(
        inlet=inlet,
        place=item.place,
        digest=item.digest or hashlib.sha256(raw).hexdigest(),
        name=refusal.name,
        uid=refusal.uid,
        field=refusal.field,
        reason=refusal.reason,
        raw=raw,
        at=now,
    )
