"""What time alone changes: leases that run out."""

from msgspec.structs import replace

from quire.actions.progress_log import tell
from quire.clock import Clock
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.progress.event import error
from quire.runs.findings import settled

_BATCH = 100


async def interrupt_lapsed_runs(store: Store, clock: Clock) -> int:
    """Mark open runs whose lease has run out; return how many.

    They still accept documents, and are open again with the next one.
    """
    now = clock.now()
    query = RunQuery(limit=_BATCH, lapsed_at=now)
    # Looking first keeps an idle server from writing.
    if not await store.view(lambda tx: tx.runs.page(query)):
        return 0

    def decide(tx: Transaction) -> int:
        lapsed = tx.runs.page(query)
        for run in lapsed:
            tx.runs.put(settled(replace(run, interrupted=True)))
            event = error("Interrupted: no stop document, and the writer is silent")
            tell(tx, run.uid, event, now=now)
        return len(lapsed)

    return await store.decide(decide)
