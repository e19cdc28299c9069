"""Documents in: on disk, folded into their runs, before they are acknowledged."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from quire.access.principals import Principal
from quire.actions.arriving import Item
from quire.actions.intake import Intake, lease_end
from quire.actions.progress_log import tell
from quire.actions.refusals import Refusal
from quire.clock import Clock
from quire.documents.batch import EventBatch
from quire.documents.document import Document, Fault
from quire.documents.identity import identity
from quire.documents.legacy import Upgrade, as_received
from quire.documents.pointer import showable
from quire.documents.reading import read_delivery
from quire.documents.validation import Validator
from quire.ports.store import Decision, Store, Transaction
from quire.progress.narration import narrate
from quire.runs.findings import settled

_log = logging.getLogger(__name__)
# Below this a thread costs more than it frees the event loop.
_WORTH_A_THREAD = 256 * 1024
# Up to this documents are folded one by one in less than a millisecond.
_BRIEF = 16 * 1024
# With more clients the loop reads what comes while a thread decides, many to a commit.
_MOST_LONG = 4


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
        self._long = 0

    async def __call__(
        self,
        body: bytes,
        media_type: str,
        principal: Principal,
        *,
        upgrade: Upgrade = as_received,
    ) -> Receipt:
        """Store the documents in `body`; durable when it returns.

        Items that cannot be read or that the schema refuses do not cost the others.

        Parameters
        ----------
        upgrade
            `as_received`, or `upgraded` to import the spellings of older producers:
            then an item may make several documents, each of which counts.
        """
        if len(body) > _WORTH_A_THREAD:
            good, bad = await asyncio.to_thread(self._sift, body, media_type, upgrade)
        else:
            good, bad = self._sift(body, media_type, upgrade)
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

        return await self._decide(decide, good, len(body))

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
                now = self._clock.now()
                until = lease_end(now, self._lease)
                renewed = msgspec.structs.replace(
                    run, lease_until=until, interrupted=False
                )
                # A run that goes on again is no longer judged as one that is over.
                renewed = settled(renewed) if run.interrupted else renewed
                tx.runs.put(renewed)
                for event in narrate(run, renewed):
                    tell(tx, uid, event, now=now)
            return True

        return await self._store.decide(decide)

    async def _decide(
        self, decision: Decision[Receipt], items: Sequence[Item], length: int
    ) -> Receipt:
        if length <= _BRIEF:
            return await self._store.decide(decision, brief=True)
        self._long += 1
        try:
            few = self._long <= _MOST_LONG
            brief = few and length <= _WORTH_A_THREAD and _are_columns(items)
            return await self._store.decide(decision, brief=brief)
        finally:
            self._long -= 1

    def _sift(
        self, body: bytes, media_type: str, upgrade: Upgrade
    ) -> tuple[list[Item], list[Refusal]]:
        good: list[Item] = []
        bad: list[Refusal] = []
        index = 0
        for item in read_delivery(body, media_type=media_type):
            if isinstance(item, EventBatch):
                good.append((index, item))
                index += len(item)
                continue
            if isinstance(item, Fault):
                bad.append(Refusal.of(item))
            elif item.sound:  # and so of no older spelling either
                good.append((index, item))
            else:
                documents, fault = self._judged(item, index, upgrade)
                if fault is None:
                    good.extend((index, document) for document in documents)
                else:
                    bad.append(Refusal.of(fault))
            index += 1
        return good, bad

    def _judged(
        self, document: Document, index: int, upgrade: Upgrade
    ) -> tuple[Sequence[Document], Fault | None]:
        """Return what to store of an item, and why it is refused if it is.

        A defect of ours, too, costs the item alone: what comes with it is not held up.
        """
        try:
            documents = upgrade(document)
            faults = (self._validator.fault(one, index) for one in documents)
            return documents, next(filter(None, faults), None)
        except Exception as error:  # noqa: BLE001  # told, and logged
            _log.exception("a %s could not be judged", document.name.value)
            return (), Fault(
                index=index,
                name=document.name.value,
                uid=showable(identity(document)),
                field="",
                reason=showable(f"it cannot be judged: {type(error).__name__}"),
            )


def _are_columns(items: Sequence[Item]) -> bool:
    """Return whether items are columns of numbers, but for a few documents.

    They take a tenth of what as many bytes of single documents do.
    """
    alone = 0
    for _, one in items:
        if isinstance(one, Document):
            alone += len(one.raw)
        elif len(one.numeric) < len(one.data):
            return False
    return alone <= _BRIEF
