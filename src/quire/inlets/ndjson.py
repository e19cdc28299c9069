"""Files of NDJSON, and folders of them, read as they grow.

Watched by looking: the standard library has no notices of changes, and those of the
system do not come from other machines over a network file system.
"""

import asyncio
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from quire.inlets.lines import FilePlace, Lines, read_lines, same_or_anew
from quire.inlets.listing import Found, Listing, OpenFolder
from quire.ports.inlet import Batch, InletUnavailable, Item
from quire.ports.inlet_records import InletPosition

PATTERNS = ("*.ndjson", "*.jsonl")
_BATCH = 1024**2
_LONGEST = 16 * 1024**2


class NdjsonInlet:
    """`quire.ports.inlet.Inlet` over a file or a folder.

    Lines keep their bytes. Of each file the order is kept; of several files, those
    that rotation put aside come first, then those that changed first. Nothing at the
    source is ever changed, so `commit` tells it nothing.

    Parameters
    ----------
    interval
        Seconds between looks.
    longest
        Bytes of a line.
    """

    replays = True

    def __init__(
        self,
        path: Path,
        *,
        patterns: Collection[str] = PATTERNS,
        interval: float = 1.0,
        longest: int = _LONGEST,
    ) -> None:
        self.source = str(path)
        self._listing = Listing(path, patterns)
        self._interval = interval
        self._longest = longest
        self._places: dict[str, FilePlace] = {}
        # By inode alone: each mount may give a file system another device.
        self._mounted: dict[str, FilePlace] = {}
        # Of files in which nothing was found to read: what they looked like.
        self._idle: dict[str, tuple[int, int]] = {}
        self._troubles: dict[str, str] = {}

    async def begin(self, positions: Sequence[InletPosition]) -> None:
        """Begin, or begin anew, behind what was committed."""
        self._places = {}
        self._idle = {}
        self._note(positions)
        self._mounted = {_inode(key): place for key, place in self._places.items()}

    async def take(self) -> Batch:
        """Wait until a line has come, and return some.

        Raises
        ------
        InletUnavailable
            The folder cannot be listed.
        """
        while True:
            try:
                batch = await asyncio.to_thread(self._collect)
            except OSError as problem:
                said = f"{self.source}: {problem.strerror or problem}"
                raise InletUnavailable(said) from problem
            if batch.items or batch.positions:
                return batch
            await asyncio.sleep(self._interval)

    async def commit(self, batch: Batch) -> None:
        """Go on behind the batch."""
        self._note(batch.positions)

    async def aclose(self) -> None:
        """Nothing is held open between looks."""

    def notes(self) -> tuple[str, ...]:
        """Return which files are passed over, and why."""
        return (*self._listing.notes, *sorted(self._troubles.values()))

    def _note(self, positions: Sequence[InletPosition]) -> None:
        for position in positions:
            place = msgspec.json.decode(position.state, type=FilePlace)
            self._places[position.key] = place

    def _collect(self) -> Batch:
        items: list[Item] = []
        positions: list[InletPosition] = []
        size = 0
        with self._listing.opened(self._places.keys()) as folder:
            there = {found.key for found in folder.files}
            self._troubles = {k: v for k, v in self._troubles.items() if k in there}
            for found in folder.files:
                lines = self._read(folder, found)
                if lines is None:
                    continue
                items += lines.items
                state = msgspec.json.encode(lines.place)
                positions.append(InletPosition(key=found.key, state=state))
                size += sum(len(item.line) for item in lines.items)
                if size >= _BATCH:
                    break
        return Batch(items=tuple(items), positions=tuple(positions))

    def _read(self, folder: OpenFolder, found: Found) -> Lines | None:
        """Return what is new in a file, None if nothing is."""
        looks = (found.size, found.modified)
        if self._idle.get(found.key) == looks:
            return None
        before = self._places.get(found.key)
        self._troubles.pop(found.key, None)
        try:
            with folder.file(found) as file:
                # Files change beneath: the place is checked, then read from.
                place = before or self._mounted.get(_inode(found.key), FilePlace())
                place = same_or_anew(file, place) if place.offset else place
                if not found.wanted and not place.offset:
                    # Another file, which nobody asked us to read.
                    self._idle[found.key] = looks
                    return None
                name = found.shown
                lines = read_lines(file, name, place, longest=self._longest)
                grown = os.fstat(file).st_size > found.size
        except FileNotFoundError:
            return None
        except OSError as problem:
            self._troubles[found.key] = f"{found.shown}: {problem.strerror}"
            return None
        if lines.place == (before or FilePlace()):
            if not grown:
                self._idle[found.key] = looks
            if left := found.size - place.offset:
                words = f"{left} bytes behind line {place.line} are no whole line yet"
                self._troubles[found.key] = f"{found.shown}: {words}"
            return None
        self._idle.pop(found.key, None)
        return lines


def _inode(key: str) -> str:
    return key.rpartition(":")[2]
