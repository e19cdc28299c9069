"""Bringing the files of attempts here from where their runners have put them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from quire.actions.attempt_folders import LOG_NAME
from quire.actions.attempts import Attempts
from quire.errors import AttemptLost, InputError
from quire.jobs.job import Job
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

    async def bring(
        self, job: Job | None, attempt: int, sizes: Mapping[str, int]
    ) -> None:
        """Fetch files, and keep the attempt's lease meanwhile.

        Parameters
        ----------
        sizes
            Bytes of each file by its path, -1 where its runner did not say.

        Raises
        ------
        AttemptLost
            The attempt was overtaken.
        TransferProblem
            One cannot be fetched, or is not as long as its runner said.
        """
        carrier = self._carrier_of(job.kind) if job is not None else None
        if job is None or carrier is None:
            return
        for path, size in sizes.items():
            await self._attempts.beat(job.id, attempt)
            task = self._begin(carrier, path, size)
            while not task.done():
                await asyncio.wait([task], timeout=self._attempts.lease / 4)
                await self._attempts.beat(job.id, attempt)
            await task

    async def bring_log(self, job: Job, attempt: int) -> None:
        """Fetch what an attempt has printed, if it can be had."""
        carrier = self._carrier_of(job.kind)
        if carrier is not None:
            with contextlib.suppress(TransferProblem, OSError):
                await self._begin(carrier, f"jobs/{job.id}/{attempt}/{LOG_NAME}", -1)

    def _begin(
        self, carrier: ResultCarrier, path: str, size: int
    ) -> asyncio.Task[None]:
        """Begin to fetch a file; the same task for who asks again meanwhile."""
        if path not in self._under_way:
            work = asyncio.to_thread(self._fetch, carrier, path, size)
            task = asyncio.create_task(work)
            self._under_way[path] = task
            task.add_done_callback(lambda _: self._under_way.pop(path, None))
        return self._under_way[path]

    def _fetch(self, carrier: ResultCarrier, path: str, size: int) -> None:
        target = self._attempts.data_folder / path
        try:
            carrier.fetch(path, target)
        except TransferProblem:
            if not target.exists():
                raise
            return  # it was fetched before, and the answer was lost
        carrier.drop(path)
        came = target.stat().st_size
        if size not in (-1, came):
            target.unlink()
            reason = f"{came} bytes came back, and its runner wrote {size}"
            raise TransferProblem(path, reason, "look after the object store")


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
