"""Bringing the files of attempts here from where their runners have put them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from quire.actions.attempt_folders import LOG_NAME
from quire.actions.attempts import Attempts
from quire.errors import AttemptLost, InputError
from quire.jobs.job import Completed, Job
from quire.ports.result_carrier import ResultCarrier
from quire.ports.transfer import TransferProblem


class Shipping:
    """Fetches results through what carries them for a kind, if anything does."""

    def __init__(
        self, attempts: Attempts, carrier_of: Callable[[str], ResultCarrier | None]
    ) -> None:
        self._attempts = attempts
        self._carrier_of = carrier_of
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def place(self, job: Job | None, attempt: int, path: str) -> str:
        """Return where a runner puts a file.

        Raises
        ------
        AttemptLost
            There is no such job.
        InputError
            Results of its kind lie in the data folder.
        """
        if job is None:
            raise AttemptLost("", attempt)
        carrier = self._carrier_of(job.kind)
        if carrier is None:
            raise InputError("path", f"nothing carries results of kind {job.kind}")
        return carrier.place(path)

    async def bring(self, job: Job | None, attempt: int, paths: Iterable[str]) -> None:
        """Fetch files, and keep the attempt's lease meanwhile.

        Raises
        ------
        AttemptLost
            The attempt was overtaken.
        TransferProblem
            One cannot be fetched.
        """
        carrier = self._carrier_of(job.kind) if job is not None else None
        if job is None or carrier is None:
            return
        for path in paths:
            await self._attempts.beat(job.id, attempt)
            task = self._begin(carrier, path)
            while not task.done():
                await asyncio.wait([task], timeout=self._attempts.lease / 4)
                await self._attempts.beat(job.id, attempt)
            await task

    async def bring_log(self, job: Job, attempt: int) -> None:
        """Fetch what an attempt has printed, if it can be had."""
        carrier = self._carrier_of(job.kind)
        if carrier is not None:
            with contextlib.suppress(TransferProblem, OSError):
                await self._begin(carrier, f"jobs/{job.id}/{attempt}/{LOG_NAME}")

    def _begin(self, carrier: ResultCarrier, path: str) -> asyncio.Task[None]:
        """Begin to fetch a file; the same task for who asks again meanwhile."""
        if path not in self._under_way:
            task = asyncio.create_task(asyncio.to_thread(self._fetch, carrier, path))
            self._under_way[path] = task
            task.add_done_callback(lambda _: self._under_way.pop(path, None))
        return self._under_way[path]

    def _fetch(self, carrier: ResultCarrier, path: str) -> None:
        target = self._attempts.data_folder / path
        try:
            carrier.fetch(path, target)
        except TransferProblem:
            if not target.exists():
                raise
            return  # it was fetched before, and the answer was lost
        carrier.drop(path)


def places(outcome: Completed) -> tuple[str, ...]:
    """Return the files that an outcome names, relative to the data folder."""
    product = outcome.product
    made = (result.path for result in outcome.results)
    if product is None:
        return tuple(made)
    return (*made, product.part, product.manifest, *product.beside.values())


def check_places(job: str, paths: Iterable[str]) -> None:
    """Do nothing if all paths lie below the job's own folder.

    Raises
    ------
    InputError
        One does not: a runner elsewhere hands out nothing else of the data folder.
    """
    for path in paths:
        parts = PurePosixPath(path).parts
        if parts[:2] != ("jobs", job) or ".." in parts:
            raise InputError("path", f"{path!r} is not in the folder of job {job}")
