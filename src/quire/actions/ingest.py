"""Documents in: on disk, folded into their runs, before they are acknowledged."""

import asyncio

import msgspec

from quire.access.principals import Principal
from quire.actions.intake import Intake, Refusal
from quire.clock import Clock
from quire.documents.document import Document, Fault
from quire.documents.reading import read_items
from quire.documents.validation import Validator
from quire.ports.store import Store, Transaction

# Below this a thread costs more than it frees the event loop.
_WORTH_A_THREAD = 64 * 1024


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the items that were sent.

    Attributes
    ----------
    accepted, repeated
        Numbers of items that were stored, and that the store had already.
    refused
        The others, by their place.
    """

    accepted: int
    repeated: int
    refused: tuple[Refusal, ...] = ()

    @property
    def conflicts(self) -> bool:
        """Whether an item was refused because other content has its uid."""
        return any(refusal.stored_hash for refusal in self.refused)


class Ingest:
    """Takes documents.

    Parameters
    ----------
    lease
        Seconds after its last document in which a run without a stop is open.
    """

    def __init__(
        self, store: Store, validator: Validator, clock: Clock, *, lease: float
    ) -> None:
        self._store = store
        self._validator = validator
        self._clock = clock
        self._lease = lease

    async def __call__(
        self, body: bytes, media_type: str, principal: Principal
    ) -> Receipt:
        """Store the documents in `body`; durable when it returns.

        Items that cannot be read or that the schema refuses do not cost the others.
        """
        if len(body) > _WORTH_A_THREAD:
            good, bad = await asyncio.to_thread(self._sift, body, media_type)
        else:
            good, bad = self._sift(body, media_type)
        if not good:
            return Receipt(accepted=0, repeated=0, refused=tuple(bad))

        def decide(tx: Transaction) -> Receipt:
            intake = Intake(
                tx, owner=principal, now=self._clock.now(), lease=self._lease
            )
            intake.take(good)
            refused = sorted([*bad, *intake.refused], key=lambda item: item.index)
            return Receipt(
                accepted=intake.accepted,
                repeated=intake.repeated,
                refused=tuple(refused),
            )

        return await self._store.decide(decide)

    async def renew(self, uid: str, principal: Principal) -> bool:
        """Renew the lease of a run by its writer's heartbeat.

        Returns
        -------
        bool
            Whether there is such a run of the principal's.
        """

        def decide(tx: Transaction) -> bool:
            run = tx.runs.get(uid)
            if run is None or not principal.can_see(run.owner):
                return False
            if run.exit_status is None:
                until = self._clock.now() + self._lease
                tx.runs.put(
                    msgspec.structs.replace(run, lease_until=until, interrupted=False)
                )
            return True

        return await self._store.decide(decide)

    def _sift(
        self, body: bytes, media_type: str
    ) -> tuple[list[tuple[int, Document]], list[Refusal]]:
        good: list[tuple[int, Document]] = []
        bad: list[Refusal] = []
        for index, item in enumerate(read_items(body, media_type=media_type)):
            fault = item if isinstance(item, Fault) else None
            if isinstance(item, Document):
                fault = self._validator.fault(item, index)
                if fault is None:
                    good.append((index, item))
            if fault is not None:
                bad.append(Refusal.of(fault))
        return good, bad
