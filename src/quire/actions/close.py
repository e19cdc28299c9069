"""Closing a run by hand: its writer is gone for good and no stop will come."""

from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.lookup import By, find_run
from quire.actions.progress_log import tell
from quire.clock import Clock
from quire.errors import Conflict, Forbidden, InputError
from quire.ports.store import Store, Transaction
from quire.progress.event import failed
from quire.runs.findings import settled
from quire.runs.run import Run

_LONGEST_REASON = 2000


class CloseRun:
    """Ends a run without a stop, with a reason.

    Its status is then `interrupted` and its log ends. Documents that still come
    change the run, not the log; a stop among them settles its status after all.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(
        self,
        which: str,
        reason: str,
        principal: Principal,
        *,
        by: By | None = None,
    ) -> Run:
        """Close a run and return it; its owner and administrators may.

        Parameters
        ----------
        which
            Its uid, or what else `quire.actions.lookup.find_run` takes for one.

        Raises
        ------
        InputError
            There is no reason, or it is too long.
        NotFound, Ambiguous
            There is no such run that the principal may see, or several.
        Forbidden
            It belongs to another principal.
        Conflict
            It has a stop document, or was closed before.
        """
        reason = reason.strip()
        if not reason:
            raise InputError("/reason", "is empty", "say why the run is closed")
        if len(reason) > _LONGEST_REASON:
            mend = f"at most {_LONGEST_REASON} characters"
            raise InputError("/reason", "is too long", mend)

        def decide(tx: Transaction) -> Run:
            now = self._clock.now()
            run = find_run(tx, which, principal, by=by)
            _check_closable(run, principal)
            run = replace(
                run, closed_at=now, closed_by=principal.name, close_reason=reason
            )
            run = settled(run)
            tx.runs.put(run)
            message = f"Closed by {principal.name} after {run.events} events: {reason}"
            tell(tx, run.uid, failed(message), now=now)
            return run

        return await self._store.decide(decide)


def _check_closable(run: Run, principal: Principal) -> None:
    if not principal.can_see(run.owner):
        raise Forbidden(principal.name, "to own the run")
    if run.stop_uid is not None:
        raise Conflict("run", run.uid, "its stop document has closed it")
    if run.closed_at is not None:
        raise Conflict("run", run.uid, f"{run.closed_by} closed it before")
