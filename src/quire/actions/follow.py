"""Following an operation: the log is pulled, a ring is only a hint."""

from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from quire.access.principals import Principal
from quire.actions.seeing import may_see
from quire.errors import NotFound
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.progress.log import Entry, Head, resume_after

_BATCH = 500


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """How an operation stands.

    Attributes
    ----------
    state
        The run's status or the job's phase.
    last
        Number of the newest entry of its log.
    progress
        Greatest percentage sent in the current act, None if none was.
    message
        Of the newest entry.
    started, changed
        Unix seconds of the act's first entry and of the newest.
    """

    id: str
    what: Literal["run", "job"]
    state: str
    last: int
    progress: int | None
    message: str
    final: bool
    started: float | None
    changed: float | None


class Follow:
    """Reads progress logs."""

    def __init__(self, store: Store, doorbell: Doorbell) -> None:
        self._store = store
        self._doorbell = doorbell

    async def operation(self, name: str, principal: Principal) -> Operation:
        """Return how an operation stands.

        Raises
        ------
        NotFound
            There is none that the principal may see.
        """

        def question(tx: Transaction) -> Operation:
            what, state = _subject(tx, name, principal)
            head = tx.progress.head(name) or Head(operation=name)
            first = tx.progress.entries(name, head.first - 1, 1)
            newest = tx.progress.entries(name, head.last - 1, 1)
            return Operation(
                id=name,
                what=what,
                state=state,
                last=head.last,
                progress=head.highest or None,
                message=newest[0].event.message if newest else "",
                final=head.final,
                started=first[0].at if first else None,
                changed=newest[0].at if newest else None,
            )

        return await self._store.view(question)

    async def begin(
        self, name: str, principal: Principal, last_seen: int | None
    ) -> int | None:
        """Return the number after which to `entries`, None if there is no more."""

        def question(tx: Transaction) -> int | None:
            _subject(tx, name, principal)
            return resume_after(
                tx.progress.head(name) or Head(operation=name), last_seen
            )

        return await self._store.view(question)

    async def told(self, name: str, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries of the current act, in order."""

        def question(tx: Transaction) -> tuple[Entry, ...]:
            head = tx.progress.head(name) or Head(operation=name)
            after = max(head.first - 1, head.last - limit)
            return tx.progress.entries(name, after, limit)

        return await self._store.view(question)

    async def entries(
        self, name: str, after: int, *, silence: float
    ) -> AsyncIterator[tuple[Entry, ...]]:
        """Yield entries as they come, until a final one.

        An empty batch says that nothing came for `silence` seconds.
        """
        while True:
            ticket = self._doorbell.ticket(name)
            start = after
            batch = await self._store.view(
                lambda tx, start=start: tx.progress.entries(name, start, _BATCH)  # type: ignore[misc]
            )
            if batch:
                yield batch
                after = batch[-1].number
                if batch[-1].event.type.final:
                    return
            elif not await self._doorbell.wait(name, ticket, silence):
                yield ()


def _subject(
    tx: Transaction, name: str, principal: Principal
) -> tuple[Literal["run", "job"], str]:
    job = tx.jobs.get(name)
    if job is not None and principal.can_see(job.owner):
        return "job", job.phase
    run = tx.runs.get(name)
    if run is not None and may_see(principal, run):
        return "run", run.status
    raise NotFound("operation", name)
