"""Admission: an acquisition begins only once there is disk space for its product.

What its sources take is looked up beforehand, outside any transaction and with a
limit in time; what is promised to others is read in the decision that begins it, so
that two can never be promised the same space.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec

from quire.actions.attempt_folders import DONE, source_name
from quire.jobs.job import ACQUISITION, Alert, Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction
from quire.ports.transfer import Transfer, TransferProblem
from quire.products.storage_forecast import Space, low_space_alert, needed, shortage

KEEP_FREE = 32 * 1024**2
_LOOK_SECONDS = 10.0
_EXECUTING = frozenset({Phase.EXECUTING})
_MOST = 1000
_AT_ONCE = 4


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt will take, and what there is.

    Attributes
    ----------
    needed
        Bytes.
    """

    needed: int
    space: Space


class Admission:
    """Says whether there is disk space for an attempt.

    Parameters
    ----------
    folder
        On the file system that products are written to.
    transfers
        What sources are fetched with; they say how large each is.
    keep
        Bytes that stay free in any case.
    """

    def __init__(
        self,
        folder: Path,
        transfers: Sequence[Transfer] = (),
        *,
        keep: int = KEEP_FREE,
    ) -> None:
        self._folder = folder
        self._transfers = tuple(transfers)
        self._keep = keep

    def space(self) -> Space:
        """Return how the file system stands; blocks."""
        usage = shutil.disk_usage(self._folder)
        seen = os.statvfs(self._folder)
        return Space(
            capacity=usage.total,
            free=seen.f_bfree * seen.f_frsize,
            available=seen.f_bavail * seen.f_frsize,
        )

    async def forecast(self, job: Job) -> Forecast | None:
        """Return what an attempt of a job will take, None if that is not limited.

        A source that is not there, or on a disk that does not answer, counts for
        nothing: the attempt itself will say so.
        """
        if not job.is_acquisition:
            return None
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                return await asyncio.to_thread(self._forecast, job)
        except TimeoutError:
            return None

    def refusal(self, tx: Transaction, forecast: Forecast) -> tuple[Alert, ...]:
        """Return why an attempt must wait, nothing if there is space for it."""
        query = JobQuery(limit=_MOST, kind=ACQUISITION, phases=_EXECUTING)
        promised = sum(job.reserved for job in tx.jobs.page(query))
        missing = shortage(
            forecast.space, forecast.needed, reserved=promised, keep=self._keep
        )
        return (low_space_alert(forecast.needed, missing),) if missing else ()

    def _forecast(self, job: Job) -> Forecast:
        here = self._folder / "jobs" / job.id / DONE
        if any(here.glob("*.part")):  # it is merged, and has to be handed on
            return Forecast(needed=needed(()), space=self.space())
        files = _files(job)
        sizes = self._sizes(files.locations)
        copies = [
            sizes.get(one, 0)
            for number, one in enumerate(dict.fromkeys(files.locations))
            if one != files.used_up
            and self._is_copied(one)
            and not (here / source_name(number)).exists()
        ]
        every = [sizes.get(one, 0) for one in files.locations]
        return Forecast(needed=needed(every, copies), space=self.space())

    def _is_copied(self, location: str) -> bool:
        """Return whether collecting takes as much space as the source itself."""
        if not location.startswith("/"):
            return True
        with contextlib.suppress(OSError, ValueError):
            return Path(location).stat().st_dev != self._folder.stat().st_dev
        return False

    def _sizes(self, locations: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of each source that says so in time."""
        every = dict.fromkeys(locations)
        sizes = {one: self._size(one) for one in every if one.startswith("/")}
        far = [one for one in every if not one.startswith("/")]
        if not far:
            return sizes
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="admission")
        asked = {pool.submit(self._size, one): one for one in far}
        done, _ = wait(asked, _LOOK_SECONDS / 2)
        pool.shutdown(wait=False, cancel_futures=True)
        told = {asked[one]: one.result() for one in done if not one.cancelled()}
        return {**sizes, **told}

    def _size(self, location: str) -> int:
        for one in self._transfers:
            if one.takes(location):
                with contextlib.suppress(TransferProblem):
                    return one.size(location)
                return 0
        return 0


class _File(msgspec.Struct, frozen=True):
    location: str = ""


class _Target(msgspec.Struct, frozen=True):
    source: _File | None = None


class _Files(msgspec.Struct, frozen=True):
    """The files of a specification; the rest of it is not read."""

    sources: tuple[_File, ...] = ()
    target: _Target = _Target()

    @property
    def locations(self) -> Sequence[str]:
        """Where its files lie, the target's own first, as they are numbered."""
        own = () if self.target.source is None else (self.target.source,)
        return [one.location for one in (*own, *self.sources) if one.location]

    @property
    def used_up(self) -> str:
        """The file whose copy becomes the product itself, empty if there is none."""
        own = "" if self.target.source is None else self.target.source.location
        return own if self.locations.count(own) == 1 else ""


def _files(job: Job) -> _Files:
    text: Any = job.parameters.get("SPECIFICATION")
    try:
        if isinstance(text, str):
            return msgspec.json.decode(text, type=_Files)
        return msgspec.convert(text, _Files)
    except (msgspec.MsgspecError, UnicodeError):
        return _Files()
