"""Changing a job that has not begun, and the times that may be changed later."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.job_access import plan_again, visible_job
from quire.clock import Clock
from quire.errors import InputError, PhaseConflict
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.jobs.transitions import require_editable
from quire.ports.kind import Kind
from quire.ports.store import Store, Transaction

LONGEST_DURATION = 2**31 - 1
_NOT_BEGUN = frozenset({Phase.PENDING, Phase.HELD, Phase.QUEUED})


class JobEdits:
    """Changes jobs."""

    def __init__(self, store: Store, kinds: Mapping[str, Kind], clock: Clock) -> None:
        self._store = store
        self._kinds = kinds
        self._clock = clock

    async def set_parameters(
        self,
        job: str,
        given: Mapping[str, Any],
        principal: Principal,
        *,
        run_id: str | None = None,
    ) -> Job:
        """Add parameters, or replace those of the same name (in any case).

        Raises
        ------
        PhaseConflict
            The job is not PENDING any more.
        InputError
            Its kind refuses them; nothing is changed.
        """

        def change(tx: Transaction, found: Job) -> Job:
            require_editable(found)
            if run_id is not None:
                found = replace(found, run_id=run_id)
            if not given:
                return found
            kind = self._kinds.get(found.kind)
            if kind is None:
                raise InputError("kind", f"no kind {found.kind!r} on this server")
            plan = plan_again(tx, kind, found, given, principal)
            return replace(found, parameters=plan.parameters, runs=plan.runs)

        return await self._change(job, principal, change)

    async def set_destruction(
        self, job: str, at: float | None, principal: Principal
    ) -> Job:
        """Say when the job is to be destroyed, in Unix seconds; None for never."""
        if at is not None and at <= self._clock.now():
            raise InputError(
                "DESTRUCTION", "lies in the past", "delete the job instead"
            )

        def change(_: Transaction, found: Job) -> Job:
            if found.phase is Phase.ARCHIVED:
                raise PhaseConflict(job, found.phase, "a change of its destruction")
            return replace(found, destruction=at)

        return await self._change(job, principal, change)

    async def set_duration(self, job: str, seconds: int, principal: Principal) -> Job:
        """Say how long an attempt may take, 0 for any time; before it begins."""
        check_duration("EXECUTIONDURATION", seconds)

        def change(_: Transaction, found: Job) -> Job:
            if found.phase not in _NOT_BEGUN:
                raise PhaseConflict(job, found.phase, "a change of its duration")
            return replace(found, execution_duration=seconds)

        return await self._change(job, principal, change)

    async def _change(
        self, job: str, principal: Principal, change: Callable[[Transaction, Job], Job]
    ) -> Job:
        def decide(tx: Transaction) -> Job:
            found = visible_job(tx, job, principal)
            changed = change(tx, found)
            if changed != found:
                tx.jobs.put(changed)
            return changed

        return await self._store.decide(decide)


def check_duration(field: str, seconds: int) -> None:
    """Do nothing if an attempt may be allowed so many seconds.

    Raises
    ------
    InputError
        It may not.
    """
    if not 0 <= seconds <= LONGEST_DURATION:
        mend = f"from 0, for any time, to {LONGEST_DURATION} seconds"
        raise InputError(field, f"{seconds!s:.40} is out of range", mend)
