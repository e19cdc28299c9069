"""Changes of many runs, of which somebody judges one meanwhile."""

from typing import TypeVar

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.annotate import Annotate
from quire.actions.search import Question, Search
from quire.clock import RandomIds
from quire.errors import Conflict
from quire.ports.store import Decision, Transaction
from quire.runs.annotations import SignOff
from quire.runs.changes import SetFlag, SetSignOff
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.still_clock import StillClock

T = TypeVar("T")
RUNS = 450  # some steps
ANN = Principal(name="ann", scopes=frozenset(Scope))
BAD = SetFlag(detector="DCH", value="bad")


class BusyStore(MemoryStore):
    """Has somebody complete the oldest run behind so many decisions."""

    left = -1

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        decided = await super().decide(decision, brief=brief)
        self.left -= 1
        if self.left == 0:
            await judged(self, SignOff.SIGNED_OFF)
            await judged(self, SignOff.COMPLETE)
        return decided


async def judged(store: MemoryStore, state: SignOff) -> None:
    await annotating(store).change("run 0", SetSignOff(state=state), ANN)


def annotating(store: MemoryStore) -> Annotate:
    clock, fields = StillClock(1.8e9), FieldRegistry()
    search = Search(store, QueryParser(fields), searchable, clock)
    return Annotate(store, search, fields, clock, RandomIds())


async def test_what_was_changed_until_a_refusal_can_be_undone() -> None:
    store = BusyStore(doorbell=LocalDoorbell())

    def put(tx: Transaction) -> None:
        for number in range(RUNS):
            tx.runs.put(Run(uid=f"run {number}", owner="ann", time=float(number)))

    await store.decide(put)
    store.left = 2
    annotate = annotating(store)
    with pytest.raises(Conflict) as refused:
        await annotate.change_all(Question(), BAD, ANN, reason="")
    told, _, batch = refused.value.reason.rpartition(" ")
    assert (refused.value.name, "its quality is complete" in told) == ("run 0", True)
    assert "400 are changed" in told
    undone = await annotate.undo_batch(batch, ANN, reason="")
    assert undone.runs == 400
    runs = await store.view(lambda tx: [tx.runs.get(f"run {n}") for n in range(RUNS)])
    assert all(run and not run.annotations.flags for run in runs)
