"""Starting and deleting labs: one operation a user at a time, each within its time.

What an operation comes to is in the lab's record and in its progress log, whatever
becomes of those who wait for it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from quire.actions.lab_log import begin_act
from quire.actions.progress_log import tell
from quire.actions.tokens import Tokens
from quire.clock import Clock
from quire.errors import NotFound, QuireError
from quire.labs import phases, transitions
from quire.labs.errors import LabBusy, LabDeleteFailed
from quire.labs.lab import Lab
from quire.labs.settings import LabSettings
from quire.ports.lab_backend import LabBackend, LabOrder
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent, complete, error, failed, info
from quire.progress.phases import Phases

_log = logging.getLogger(__name__)
_TRIES = 5


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a lab is to have."""

    name: str
    text: str


class Spawn(msgspec.Struct, frozen=True, kw_only=True):
    """A start that has been recorded, and is to be done.

    Attributes
    ----------
    clearing
        Whether a dead lab of the user has to be deleted first.
    notes
        Files that it is to have.
    """

    lab: Lab
    order: LabOrder
    clearing: bool
    notes: tuple[Note, ...] = ()


class LabOperations:
    """Does what is to be done with labs, in tasks of its own."""

    def __init__(
        self,
        store: Store,
        backend: LabBackend,
        tokens: Tokens,
        clock: Clock,
        settings: LabSettings,
    ) -> None:
        self._store = store
        self._backend = backend
        self._tokens = tokens
        self._clock = clock
        self._settings = settings
        self._spawning: dict[str, asyncio.Task[None]] = {}
        self._deleting: dict[str, asyncio.Task[None]] = {}

    def busy(self, user: str) -> bool:
        """Return whether something is being done with a user's lab."""
        return user in self._spawning or user in self._deleting

    def spawn(self, spawn: Spawn) -> None:
        """Begin a start."""
        _keep(self._spawning, spawn.lab.user, self._spawn(spawn))

    async def delete(self, user: str) -> None:
        """Delete a lab; who comes while that goes on waits for the same end.

        Raises
        ------
        NotFound
            There is none.
        LabDeleteFailed
            It may still be there.
        """
        if user not in self._deleting:
            _keep(self._deleting, user, self._delete(user))
        await asyncio.shield(self._deleting[user])

    async def sweep(self, lab: Lab, *, wrong: str = "") -> None:
        """Leave nothing of a lab that is not running any more, and record its end.

        Parameters
        ----------
        wrong
            Why its start ended, empty if it had been running.
        """
        if wrong:
            events = (error(wrong), failed("Lab spawn failed"))
            await self._settle(lab, transitions.failed, *events)
        else:
            await self._settle(lab, transitions.terminated)
        await self._backend.delete(lab.id)
        await self._revoke(lab)

    async def settle_interrupted_delete(self, lab: Lab) -> None:
        """Record that nobody deletes a lab any more, so that somebody can."""
        await self._settle(lab, transitions.failed)

    async def stop(self) -> None:
        """Cancel what is being done: starts fail, deletions go on at the next start."""
        tasks = [*self._spawning.values(), *self._deleting.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _spawn(self, spawn: Spawn) -> None:
        lab, limit = spawn.lab, self._settings.spawn_seconds
        try:
            async with asyncio.timeout(limit):
                await self._bring_up(spawn)
        except asyncio.CancelledError:
            await self._give_up(lab, failed("Operation cancelled"))
        except TimeoutError:
            wrong = f"the lab of {lab.user} was not up within {limit:g} s (its limit)"
            await self._give_up(lab, error(wrong), failed("Lab spawn failed"))
        except Exception as reason:  # noqa: BLE001 - told to the user  # noqa: BLE001 - told to the user
            if not isinstance(reason, QuireError):
                _log.exception("the lab of %s could not be started", lab.user)
            words = str(reason) or type(reason).__name__
            await self._give_up(lab, error(words), failed("Lab spawn failed"))

    async def _bring_up(self, spawn: Spawn) -> None:
        lab, user = spawn.lab, spawn.lab.user
        if spawn.clearing:
            words = f"Deleting the lab of {user} that is there no more"
            await self._tell(lab, info(words, phases.CLEARING))
            await self._clear(lab, phases.SPAWN)
        url = await self._backend.create(spawn.order)
        for note in spawn.notes:
            await self._backend.put_file(lab.id, note.name, note.text)
        lab = await self._settle(
            lab,
            lambda one, now: transitions.placed(one, url, now=now),
            info(f"Started the process of the lab of {user}", phases.PLACED),
        )
        told = 0
        async for message in self._backend.ready(lab.id):
            await self._tell(lab, info(message, phases.coming_up(told)))
            told += 1
        await self._settle(lab, transitions.running, complete(f"Lab of {user} is up"))

    async def _give_up(self, lab: Lab, *events: ProgressEvent) -> None:
        """Leave nothing of a start that failed, then say that it did."""
        try:
            async with asyncio.timeout(self._settings.delete_seconds):
                await self._backend.delete(lab.id)
        except Exception as reason:  # noqa: BLE001 - told to the user
            _log.exception("remains of the lab of %s", lab.user)
            words = str(reason) or type(reason).__name__
            events = (error(f"Something of it may still run: {words}"), *events)
        await self._revoke(lab)
        await self._settle(lab, transitions.failed, *events)

    async def _delete(self, user: str) -> None:
        lab = await self._claim_delete(user)
        limit = self._settings.delete_seconds
        try:
            async with asyncio.timeout(limit):
                await self._clear(lab, phases.DELETE)
        except TimeoutError:
            reason = f"not gone within {limit:g} s (its limit)"
        except Exception as wrong:  # noqa: BLE001 - told to the user
            if not isinstance(wrong, QuireError):
                _log.exception("the lab of %s could not be deleted", user)
            reason = str(wrong) or type(wrong).__name__
        else:
            done = complete(f"Lab of {user} is deleted")
            await self._settle(lab, transitions.gone, done)
            return
        events = (error(f"{user}: {reason}"), failed("Lab delete failed"))
        await self._settle(lab, transitions.failed, *events)
        raise LabDeleteFailed(user, reason)

    async def _claim_delete(self, user: str) -> Lab:
        """Record that a deletion begins, cancelling a start that is under way."""

        def decide(tx: Transaction) -> Lab:
            now = self._clock.now()
            lab = transitions.begin_delete(tx.labs.get(user), user, now=now)
            tx.labs.put(lab)
            words = f"Deleting the lab of {user}"
            begin_act(tx, lab.id, info(words, phases.DELETING), now=now)
            return lab

        for _ in range(_TRIES):
            spawning = self._spawning.get(user)
            if spawning is not None:
                spawning.cancel()
                await asyncio.wait((spawning,))
            try:
                return await self._store.decide(decide)
            except LabBusy:
                if user not in self._spawning:
                    raise
        return await self._store.decide(decide)

    async def _clear(self, lab: Lab, act: Phases) -> None:
        user = lab.user
        asked = act.percent(phases.CLEAR, phases.ASKED)
        await self._tell(lab, info(f"Ending the processes of {user}", asked))
        await self._backend.delete(lab.id)
        words = f"The processes of {user} have ended"
        await self._tell(lab, info(words, act.percent(phases.CLEAR, phases.ENDED)))
        if act is phases.DELETE:
            await self._revoke(lab)
        words = f"Nothing is left of the lab of {user}"
        done = act.percent(phases.CLEAR, phases.DONE)
        await self._tell(lab, info(words, done))

    async def _revoke(self, lab: Lab) -> None:
        """Let the lab's token admit nobody any more."""
        if lab.token:
            try:
                await self._tokens.revoke(lab.token)
            except NotFound:
                return

    async def _tell(self, lab: Lab, event: ProgressEvent) -> None:
        now = self._clock.now()
        await self._store.decide(lambda tx: tell(tx, lab.id, event, now=now))

    async def _settle(
        self, lab: Lab, step: Callable[..., Lab], *events: ProgressEvent
    ) -> Lab:
        """Take a step with a lab's record, and tell of it, at once."""

        def decide(tx: Transaction) -> Lab:
            now = self._clock.now()
            after: Lab = step(tx.labs.get(lab.user) or lab, now=now)
            tx.labs.put(after)
            for event in events:
                tell(tx, after.id, event, now=now)
            return after

        return await self._store.decide(decide)


def _keep(
    tasks: dict[str, asyncio.Task[None]], user: str, work: Coroutine[Any, Any, None]
) -> None:
    task = asyncio.create_task(work)
    tasks[user] = task

    def done(ended: asyncio.Task[None]) -> None:
        if tasks.get(user) is ended:
            del tasks[user]
        if not ended.cancelled():
            ended.exception()  # whoever waits for it is told; nobody may be

    task.add_done_callback(done)
