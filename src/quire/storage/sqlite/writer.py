"""The writer: takes decisions, and has them committed, many at once."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from quire.errors import StoreFull, StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.pending import Pending, settle, tell
from quire.storage.sqlite.changes import TooLong
from quire.storage.sqlite.deciding import Deciding
from quire.storage.sqlite.pace import Pace

_MOST_IN_A_COMMIT = 1000
# More than so many would keep a loop from its other work for too long.
_MOST_ON_A_LOOP = 64
# Of few clients, too, now and then one comes by itself.
_ALONE_FOR_A_WHILE = 8  # commits
_GIVE_UP_AFTER = 30.0  # seconds
_TRY_AGAIN_AFTER = 0.25


class _Call(Enum):
    """What the thread is woken for besides decisions."""

    LOOK = "look"  # a commit elsewhere has left something to do
    END = "end"


class Writer:
    """Runs decisions, many to one commit.

    They are run on a thread of its own; brief ones on the loop that asks, if nothing
    else waits and the disk is quick (`Pace`): no thread has to be woken then. In both
    places what came together is committed together. Who was alone for a while does not
    wait for others on the loop: it is served at once, one in a turn of the loop.

    Parameters
    ----------
    on_fatal
        Called with the reason, on the writer's thread, once the store could not be
        brought back for 30 seconds.
    pace
        Says whether a loop may wait for a commit.

    Attributes
    ----------
    unready
        Why it takes nothing now; empty if it does.
    """

    def __init__(
        self,
        file: Path,
        *,
        doorbell: Doorbell,
        on_fatal: Callable[[str], None],
        describe: Describe,
        pace: Pace,
        vfs: str | None = None,
    ) -> None:
        self._doorbell = doorbell
        self._on_fatal = on_fatal
        self._queue: queue.SimpleQueue[Pending | _Call] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._near: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
        self._alone = 0  # commits on a loop in a row, each of one decision
        self._turned = True  # whether a loop has, since one was served at once
        self._pace = pace
        self._closing = threading.Event()
        self._problem: StoreUnavailable | None = None
        self.unready = ""
        self._deciding = Deciding(file, describe, vfs)
        # Held by whoever uses the connection.
        self._turn = threading.Lock()
        # A daemon: a server that fails before it closes the store must still end.
        self._thread = threading.Thread(
            target=self._work, name="quire-writer", daemon=True
        )
        self._thread.start()

    def submit(
        self, decision: Decision[Any], *, brief: bool = False
    ) -> asyncio.Future[Any]:
        """Have a decision run; the future is the running loop's."""
        loop = asyncio.get_running_loop()
        pending = Pending(decision, loop.create_future())
        with self._gate:
            if self.unready:
                raise StoreUnavailable(self.unready)
            near, alone = self._near.get(loop), False
            if near is not None and brief:
                near.append(pending)
            elif brief and self._may_stay():
                self._near[loop] = [pending]
                alone = self._is_alone()
                # Behind what else has come with it, which so joins its commit.
                loop.call_soon(self._note_turn if alone else self._serve_near, loop)
            else:
                self._queue.put(pending)
        if alone:
            self._serve_near(loop)
        return pending.future

    def close(self) -> None:
        """Finish what was submitted, then let go; blocks, may be repeated."""
        with self._gate:
            if not self._closing.is_set():
                self._closing.set()
                self.unready = "it is closed"
                for batch in self._near.values():
                    self._pass_on(batch)
                self._near.clear()
                self._queue.put(_Call.END)
        self._thread.join()

    def _may_stay(self) -> bool:
        return self._queue.empty() and self._pace.is_quick(time.perf_counter())

    def _pass_on(self, batch: Sequence[Pending]) -> None:
        for pending in batch:
            self._queue.put(pending)

    def _is_alone(self) -> bool:
        """Return whether nobody else is to be expected: then it is served at once."""
        if not self._turned:  # here is somebody else
            self._alone = 0
        elif self._alone >= _ALONE_FOR_A_WHILE:
            self._turned = False
            return True
        return False

    def _note_turn(self, _: asyncio.AbstractEventLoop) -> None:
        self._turned = True

    def _serve_near(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._gate:
            batch = self._near.pop(loop, [])
            if not batch:
                return
            free = len(batch) <= _MOST_ON_A_LOOP and self._queue.empty()
            if not free or not self._turn.acquire(blocking=False):
                self._pass_on(batch)
                return
        try:
            self._serve(batch, brief=True)
            look = self._problem is not None or self._deciding.checkpoint_due
        except TooLong:
            self._pass_on(batch)
            return
        finally:
            self._turn.release()
        tell(batch)
        self._alone = self._alone + 1 if len(batch) == 1 else 0
        if look:
            self._queue.put(_Call.LOOK)

    def _work(self) -> None:
        going = True
        while going:
            batch, going = self._take()
            with self._turn:
                self._serve(batch)
            # Whoever is told may come again at once, and is to find the turn free.
            settle(batch)
            with self._turn:
                self._look()
        with self._turn:
            self._deciding.close()

    def _take(self) -> tuple[list[Pending], bool]:
        batch: list[Pending] = []
        item = self._queue.get()
        while item is not _Call.END:
            if isinstance(item, Pending):
                batch.append(item)
            if len(batch) == _MOST_IN_A_COMMIT:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _serve(self, batch: Sequence[Pending], *, brief: bool = False) -> None:
        """Give each of a batch its outcome or its error."""
        if self._problem is not None:
            _refuse(batch, self._problem)
        elif batch:
            self._commit(batch, brief=brief)

    def _commit(self, batch: Sequence[Pending], *, brief: bool) -> None:
        problem = self._deciding.commit(batch, brief=brief)
        self._pace.took(self._deciding.seconds, now=time.perf_counter())
        if problem is None:
            if topics := self._deciding.topics():
                self._doorbell.ring(topics)
        elif isinstance(problem, StoreFull) and len(batch) > 1:
            # One large decision must not cost the small ones that still fit.
            for pending in batch:
                self._serve([pending])
        else:
            self._note(problem)
            _refuse(batch, problem)

    def _look(self) -> None:
        """Do what the last commit has left to do."""
        if self._problem is None and self._deciding.checkpoint_due:
            problem = self._deciding.checkpoint()
            if problem is not None:
                self._note(problem)
        if self._problem is not None:
            self._recover(self._problem)

    def _note(self, problem: StoreUnavailable) -> None:
        # Before anybody is told, so that whoever was refused also finds it unready.
        if not isinstance(problem, StoreFull):
            self._problem = problem
            with self._gate:
                self.unready = self.unready or problem.reason

    def _recover(self, problem: StoreUnavailable) -> None:
        give_up = time.monotonic() + _GIVE_UP_AFTER
        while not self._closing.wait(_TRY_AGAIN_AFTER):
            self._refuse_waiting(problem)
            if self._deciding.reopened():
                self._problem = None
                with self._gate:
                    if not self._closing.is_set():
                        self.unready = ""
                return
            if time.monotonic() > give_up:
                self._on_fatal(problem.reason)
                give_up = float("inf")
        self._refuse_waiting(problem)

    def _refuse_waiting(self, problem: StoreUnavailable) -> None:
        refused = []
        with contextlib.suppress(queue.Empty):
            while (item := self._queue.get_nowait()) is not _Call.END:
                if isinstance(item, Pending):
                    refused.append(item)
            self._queue.put(_Call.END)
        _refuse(refused, problem)
        settle(refused)


def _refuse(batch: Sequence[Pending], problem: StoreUnavailable) -> None:
    for pending in batch:
        pending.outcome, pending.error = None, problem
