"""The second half of an attempt with a product: give it its public name."""

import asyncio
import contextlib

from msgspec.structs import replace

from quire.actions.progress_log import tell as tell_listeners
from quire.clock import Clock
from quire.errors import AttemptLost, QuireError, StoreUnavailable
from quire.jobs import transitions
from quire.jobs.job import Job, JobError, StagedProduct
from quire.ports.publisher import Publisher
from quire.ports.store import Store, Transaction
from quire.products.product import Product
from quire.progress.event import complete, error, failed

# Seconds between tries while the disk refuses; then the job fails.
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Publishing:
    """Publishes what is staged, in the background and until it is done."""

    def __init__(self, store: Store, clock: Clock, publisher: Publisher) -> None:
        self._store = store
        self._clock = clock
        self._publisher = publisher
        self._under_way: dict[tuple[str, int], asyncio.Task[None]] = {}

    def begin(self, job: str, attempt: int) -> asyncio.Task[None]:
        """Begin to publish an attempt's product; the same task if begun before."""
        key = (job, attempt)
        if key not in self._under_way:
            task = asyncio.create_task(self._until_done(job, attempt))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return self._under_way[key]

    async def publish(self, job: str, attempt: int) -> None:
        """Publish; goes on in the background if the caller is cancelled."""
        await asyncio.shield(self.begin(job, attempt))

    async def aclose(self) -> None:
        """Finish what is being written; the rest is done at the next start."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_done(self, job: str, attempt: int) -> None:
        for pause in (*_PAUSES, None):
            try:
                await self._once(job, attempt)
            except AttemptLost:
                return
            except (OSError, StoreUnavailable) as problem:
                if pause is None:
                    await self._give_up(job, attempt, problem)
                    return
                await self._complain(job, problem)
                await asyncio.sleep(pause)
            except QuireError as problem:
                await self._give_up(job, attempt, problem)
                return
            else:
                return

    async def _once(self, job: str, attempt: int) -> None:
        staged = await self._store.view(lambda tx: _staged(tx, job, attempt)[1])
        work = asyncio.create_task(asyncio.to_thread(self._publisher.publish, staged))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            # The thread cannot be stopped: wait, so that nothing writes afterwards.
            await asyncio.gather(work, return_exceptions=True)
            raise
        file, manifest = self._publisher.destination(staged)
        now = self._clock.now()

        def decision(tx: Transaction) -> None:
            current, product = _staged(tx, job, attempt)
            tx.products.put(
                Product(
                    id=job,
                    kind=current.kind,
                    owner=current.owner,
                    runs=product.runs or current.runs,
                    file=str(file),
                    manifest=str(manifest),
                    size=product.size,
                    sha256=product.sha256,
                    mime_type=product.mime_type,
                    made=now,
                    documents=product.documents,
                )
            )
            for uid in product.runs or current.runs:
                _note(tx, uid, file.name)
            done = transitions.complete(current, now=now)
            tx.jobs.put(replace(done, product=job))
            tell_listeners(tx, job, complete(f"Published {file.name}"), now=now)

        await self._store.decide(decision)

    async def _complain(self, job: str, problem: Exception) -> None:
        now = self._clock.now()
        event = error(f"The product cannot be published yet: {problem}")
        with contextlib.suppress(StoreUnavailable):
            await self._store.decide(lambda tx: tell_listeners(tx, job, event, now=now))

    async def _give_up(self, job: str, attempt: int, problem: Exception) -> None:
        now = self._clock.now()
        reason = f"The product could not be published: {problem}"
        verdict = JobError(type="transient", code="publish_failed", message=reason)

        def decision(tx: Transaction) -> None:
            current, _ = _staged(tx, job, attempt)
            behind = transitions.fail(current, verdict, now=now)
            tx.jobs.put(behind)
            event = failed(reason) if behind.phase.final else error(reason)
            tell_listeners(tx, job, event, now=now)

        with contextlib.suppress(AttemptLost, StoreUnavailable):
            await self._store.decide(decision)


def _note(tx: Transaction, uid: str, name: str) -> None:
    """Have a run found by the product that was made of it."""
    run = tx.runs.get(uid)
    if run is not None:
        tx.runs.put(replace(run, products=tuple(sorted({*run.products, name}))))


def _staged(tx: Transaction, job: str, attempt: int) -> tuple[Job, StagedProduct]:
    stored = tx.jobs.get(job)
    if stored is None:
        raise AttemptLost(job, attempt)
    current = transitions.guard(stored, attempt)
    if current.staged is None:
        raise AttemptLost(job, attempt)
    return current, current.staged
