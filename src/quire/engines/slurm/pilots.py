"""Pilots: how many there are, and what they are given."""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from quire.engines.slurm.mailbox import Mailbox
from quire.engines.slurm.names import Names
from quire.engines.slurm.queue import Listed, Queue
from quire.engines.slurm.settings import SlurmSettings
from quire.engines.slurm.submission import resource_options
from quire.ports.launcher import AttemptKey, LaunchRefused, RunnerOrder, Seen, There

_log = logging.getLogger(__name__)
_FOLDER = Path("engines") / "slurm"
# Seconds that a pilot has to end an attempt before it is ended itself; between two looks.
_SWEEP, _LOOK = 2.0, 0.05
# Seconds until Slurm lists what it was given.
_FRESH = 10.0


class _Lane:
    """The pilots of one sort, which all ask for the same resources.

    Parameters
    ----------
    sample
        One of its orders, None where none has been seen since the server's start.
    """

    def __init__(self, mailbox: Mailbox, sample: RunnerOrder | None) -> None:
        self.mailbox = mailbox
        self.sample = sample
        # Those that wait in Slurm's queue or run, as far as is known, with the time
        # since when.
        self.pilots: dict[str, float] = {}

    def hear(self, live: Iterable[str], now: float) -> None:
        """Take in which pilots Slurm has; one just submitted may be missing there."""
        kept = {one: at for one, at in self.pilots.items() if now - at < _FRESH}
        self.pilots = kept | dict.fromkeys(live, 0.0)


class Pilots:
    """Gives attempts to pilots, and has more of them submitted when orders wait.

    Parameters
    ----------
    data_folder
        Holds the mailboxes; nodes see it too.
    """

    def __init__(
        self, data_folder: Path, settings: SlurmSettings, queue: Queue, names: Names
    ) -> None:
        self._data_folder = data_folder
        self._settings = settings
        self._queue = queue
        self._names = names
        self._lanes: dict[str, _Lane] = {}
        self._staffing = asyncio.Lock()

    async def launch(self, order: RunnerOrder) -> None:
        """Leave an order for whichever pilot is free first."""
        key = order.job, order.attempt
        lane = await self._lane(order)
        if key not in await asyncio.to_thread(_known, lane.mailbox):
            await asyncio.to_thread(lane.mailbox.put, order)
        try:
            await self._staff(lane)
        except LaunchRefused:
            if not lane.pilots:
                await asyncio.to_thread(lane.mailbox.withdraw, key)
                raise

    async def kill(self, key: AttemptKey) -> bool:
        """End an attempt; False if no pilot has it."""
        for lane in await self._adopted():
            if await asyncio.to_thread(lane.mailbox.withdraw, key):
                return True
            pilot = (await asyncio.to_thread(lane.mailbox.taken)).get(key)
            if pilot is None:
                continue
            await asyncio.to_thread(lane.mailbox.end, pilot, key)
            if not await self._left_within(lane.mailbox, key, _SWEEP):
                await self._queue.end(pilot)
                await asyncio.to_thread(lane.mailbox.discard, pilot)
            return True
        return False

    async def seen(
        self, keys: Sequence[AttemptKey], listed: Mapping[str, Listed]
    ) -> Mapping[AttemptKey, Seen]:
        """Return how those of the attempts stand that pilots have.

        Parameters
        ----------
        listed
            What Slurm has.
        """
        live = {
            name: one for name, one in listed.items() if one.standing is not There.GONE
        }
        found: dict[AttemptKey, Seen] = {}
        for lane in await self._adopted():
            found.update(await self._look(lane, live))
        return {key: found[key] for key in keys if key in found}

    async def _look(
        self, lane: _Lane, live: Mapping[str, Listed]
    ) -> Mapping[AttemptKey, Seen]:
        mailbox = lane.mailbox
        sort = self._names.pilot(f"{mailbox.folder.name}-")
        now = asyncio.get_running_loop().time()
        mine = {name: one for name, one in live.items() if name.startswith(sort)}
        lane.hear(mine, now)
        why = _why_none_runs(mine.values())
        # In this order: an order that is taken between the two is seen twice.
        waiting = await asyncio.to_thread(mailbox.waiting)
        taken = await asyncio.to_thread(mailbox.taken)
        for pilot in set(taken.values()) - lane.pilots.keys():
            await asyncio.to_thread(mailbox.discard, pilot)
        if waiting:
            try:
                await self._staff(lane)
            except LaunchRefused as problem:
                _log.warning("no pilot for %d attempts: %s", len(waiting), problem)
                why = why or f"no pilot for it: {problem}"
        running = [key for key, pilot in taken.items() if pilot in lane.pilots]
        return {
            **dict.fromkeys(waiting, Seen(there=There.WAITING, why=why)),
            **dict.fromkeys(running, Seen(there=There.RUNNING)),
        }

    async def _staff(self, lane: _Lane) -> None:
        """Have a pilot submitted for every order, as far as there may be so many."""
        async with self._staffing:
            orders = len(await asyncio.to_thread(_known, lane.mailbox))
            # One for what was left before the setting was taken away.
            wanted = min(orders, max(self._settings.pilots, 1))
            sample = lane.sample or await asyncio.to_thread(lane.mailbox.sample)
            while sample is not None and len(lane.pilots) < wanted:
                name = await self._submit(lane.mailbox.folder.name, sample)
                lane.pilots[name] = asyncio.get_running_loop().time()

    async def _submit(self, sort: str, sample: RunnerOrder) -> str:
        settings = self._settings
        name = self._names.pilot(f"{sort}-{secrets.token_hex(4)}")
        there = Path(sample.data_folder or self._data_folder)
        command = (
            *(settings.python, "-m", "quire.engines.slurm.pilot"),
            *("--mailbox", str(there / _FOLDER / sort)),
            *("--name", name),
            *("--idle", str(settings.pilot_idle)),
            *("--life", str(settings.pilot_life)),
            *("--kinds", sample.kinds),
            *(("--tables", sample.tables) if sample.tables else ()),
        )
        resources = sample.resources
        if resources.wall_clock:
            longest = resources.wall_clock + int(settings.pilot_life)
            resources = replace(resources, wall_clock=longest)
        await self._queue.submit(name, command, resource_options(resources), {})
        return name

    async def _lane(self, order: RunnerOrder) -> _Lane:
        asked = (order.resources, order.kinds, order.tables, order.data_folder)
        name = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:12]
        lane = self._lanes.get(name)
        if lane is None:
            mailbox = Mailbox(self._data_folder / _FOLDER / name)
            await asyncio.to_thread(mailbox.make)
            lane = self._lanes.setdefault(name, _Lane(mailbox, order))
        return lane

    async def _adopted(self) -> Sequence[_Lane]:
        """Return all lanes, those of an earlier server among them."""
        top = self._data_folder / _FOLDER
        for folder in await asyncio.to_thread(_folders, top):
            self._lanes.setdefault(folder.name, _Lane(Mailbox(folder), None))
        return list(self._lanes.values())

    async def _left_within(
        self, mailbox: Mailbox, key: AttemptKey, seconds: float
    ) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while key in await asyncio.to_thread(mailbox.taken):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_LOOK)
        return True


def _why_none_runs(pilots: Iterable[Listed]) -> str:
    """Return why those that wait do; empty if one is at work."""
    found = list(pilots)
    if any(one.standing is There.RUNNING and not one.why for one in found):
        return ""
    return next((f"its pilot: {one.why}" for one in found if one.why), "")


def _known(mailbox: Mailbox) -> set[AttemptKey]:
    return {*mailbox.waiting(), *mailbox.taken()}


def _folders(top: Path) -> list[Path]:
    return list(top.iterdir()) if top.exists() else []
