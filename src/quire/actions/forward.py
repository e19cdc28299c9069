"""Forwarding: every acknowledged document goes out at least once to every outlet.

Ingest knows nothing of it. Each outlet reads the committed documents in the order of
the outbox, a page at a time, and asks for the next one only when the target has
confirmed the last; so a target that hangs costs neither time nor memory.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.forward_documents import DocumentSteps
from quire.actions.forward_runs import RunSteps
from quire.actions.outlet_pump import Pacing, Pump, Trouble
from quire.clock import Clock
from quire.errors import Conflict, InputError, NotFound
from quire.jobs.retrying import RetryPolicy
from quire.ports.doorbell import Doorbell
from quire.ports.outbox_records import Amount, Position
from quire.ports.outlet import DocumentOutlet, RunOutlet
from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.ports.store import Store, Transaction

Outlet = DocumentOutlet | RunOutlet
OutletState = Literal["going", "backing-off", "elsewhere"]

_SHOWN = 100
_COUNTED = 100_000
_TOLD = frozenset({RunState.ASIDE, RunState.REFUSED, RunState.SKIPPED})
# Documents of such a run wait in the store until it is sent again.
_HELD = frozenset({RunState.ASIDE, RunState.DUE})


class OutletStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How an outlet stands.

    Attributes
    ----------
    state
        ``elsewhere`` where another server on the same store forwards; it alone knows
        what was sent and the trouble.
    position
        The stored one if the outlet is elsewhere.
    behind
        Documents that are still to go out: behind the position, and of runs that are
        due. Counted to 100,000, so that asking stays cheap.
    waiting
        Runs that are due, set aside, refused in part and skipped, by state.
    trouble
        The last error and the time of the next try; None while all is well.
    runs
        Up to a hundred of those that need a look, and of those that failed before.
    """

    name: str
    target: str
    state: OutletState
    position: Position
    behind: int
    sent: int
    waiting: dict[RunState, int]
    trouble: Trouble | None
    runs: tuple[OutletRun, ...]


class Forward:
    """The outlets of a server, and what can be done with them.

    Parameters
    ----------
    outlets
        By their names.
    amount
        How much an outlet reads, and a document outlet sends, at a time.
    """

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        store: Store,
        doorbell: Doorbell,
        clock: Clock,
        *,
        pacing: Pacing | None = None,
        amount: Amount | None = None,
    ) -> None:
        self._outlets = dict(outlets)
        pacing = pacing or Pacing()
        policy = RetryPolicy(first=pacing.again, longest=pacing.again * 8)
        self._store = store
        self._clock = clock
        self._pumps = {
            name: Pump(
                name,
                RunSteps(name, outlet, store, clock, amount=amount, policy=policy)
                if isinstance(outlet, RunOutlet)
                else DocumentSteps(name, outlet, store, clock, amount=amount),
                doorbell,
                clock,
                pacing,
            )
            for name, outlet in self._outlets.items()
        }

    def start(self) -> None:
        """Begin to forward, in the background."""
        for pump in self._pumps.values():
            pump.start()

    async def stop(self) -> None:
        """End; what was not confirmed by then is sent again next time."""
        for pump in self._pumps.values():
            await pump.stop()

    async def listed(self) -> tuple[OutletStatus, ...]:
        """Return how each outlet stands."""
        return tuple([await self._status(name) for name in self._pumps])

    async def retry(self, name: str, run: str | None = None) -> OutletStatus:
        """Send again what is aside or was refused, and try at once.

        Parameters
        ----------
        run
            The full uid; None for all runs.

        Raises
        ------
        NotFound
            There is no such outlet, or it keeps no record of this run.
        """
        pump = self._pump(name)

        def decide(tx: Transaction) -> None:
            for record in self._chosen(tx, name, run):
                tx.outlet_runs.put(
                    replace(
                        record,
                        state=RunState.DUE,
                        not_before=0.0,
                        attempts=0,
                        refused=0,
                        since=self._clock.now(),
                    )
                )

        await self._store.decide(decide)
        pump.nudge()
        return await self._status(name)

    async def skip(
        self, name: str, run: str, reason: str, principal: Principal
    ) -> OutletStatus:
        """Do without what could not be sent of a run; the rest of it goes out.

        An outlet for whole runs does without the run.

        Raises
        ------
        InputError
            There is no reason.
        NotFound
            There is no such outlet, or it keeps no record of this run.
        Conflict
            Nothing of the run failed.
        """
        pump = self._pump(name)
        whole = isinstance(self._outlets[name], RunOutlet)
        if not reason.strip():
            raise InputError("/reason", "is empty", "say why")

        def decide(tx: Transaction) -> None:
            (record,) = self._chosen(tx, name, run)
            if not record.error:
                raise Conflict("run", run, f"nothing of it failed at {name}")
            skipped = replace(
                record, reason=reason, by=principal.name, since=self._clock.now()
            )
            tx.outlet_runs.put(_without(skipped, whole=whole))

        await self._store.decide(decide)
        pump.nudge()
        return await self._status(name)

    def _chosen(
        self, tx: Transaction, name: str, run: str | None
    ) -> tuple[OutletRun, ...]:
        if run is None:
            states = frozenset({RunState.ASIDE, RunState.REFUSED})
            query = OutletRunQuery(outlet=name, states=states, limit=_COUNTED)
            # What waits for its run goes out again by itself once that is known.
            return tuple(one for one in tx.outlet_runs.page(query) if one.run)
        record = tx.outlet_runs.get(name, run)
        if record is None:
            raise NotFound("run of the outlet", run, "see `quire outlets`")
        return (record,)

    async def _status(self, name: str) -> OutletStatus:
        pump = self._pump(name)
        steps, trouble = pump.steps, pump.trouble

        def question(tx: Transaction) -> OutletStatus:
            stored = None if pump.running else tx.outbox.position(name)
            position = stored or steps.position
            return OutletStatus(
                name=name,
                target=self._outlets[name].target,
                state=_state_of(pump),
                position=position,
                behind=_behind(tx, name, position),
                sent=steps.sent,
                waiting={
                    state: tx.outlet_runs.count(name, {state})
                    for state in (RunState.DUE, *sorted(_TOLD))
                },
                trouble=trouble,
                runs=_told(tx, name),
            )

        return await self._store.view(question)

    def _pump(self, name: str) -> Pump:
        if name not in self._pumps:
            known = ", ".join(sorted(self._pumps)) or "none"
            raise NotFound("outlet", name, f"there are: {known}")
        return self._pumps[name]


def _without(record: OutletRun, *, whole: bool) -> OutletRun:
    if record.state in _HELD and not whole:
        left_out = tuple(dict.fromkeys((*record.left_out, record.number)))
        return replace(record, state=RunState.DUE, not_before=0.0, left_out=left_out)
    return replace(record, state=RunState.SKIPPED)


def _state_of(pump: Pump) -> OutletState:
    if not pump.running:
        return "elsewhere"
    return "going" if pump.trouble is None else "backing-off"


def _behind(tx: Transaction, name: str, position: Position) -> int:
    count = tx.outbox.behind(position, _COUNTED)
    states = frozenset({RunState.DUE, RunState.ASIDE})
    for record in tx.outlet_runs.page(
        OutletRunQuery(outlet=name, states=states, limit=_SHOWN)
    ):
        run = tx.runs.get(record.run)
        count += 0 if run is None else run.documents
    return count


def _told(tx: Transaction, name: str) -> tuple[OutletRun, ...]:
    due = OutletRunQuery(outlet=name, states=frozenset({RunState.DUE}), limit=_SHOWN)
    failed = [record for record in tx.outlet_runs.page(due) if record.attempts]
    told = OutletRunQuery(outlet=name, states=_TOLD, limit=_SHOWN)
    return (*failed, *tx.outlet_runs.page(told))[:_SHOWN]
