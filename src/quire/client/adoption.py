"""What dead processes have left in a spool, on its way to the server."""

from collections import deque
from contextlib import suppress
from pathlib import Path

from quire.client.section import Section
from quire.client.segment import Segment
from quire.client.spool import Spool
from quire.client.tally import Tally

Left = tuple[Path, int]
"""The folder of a section, and how many of its lines were counted as waiting."""


class Adoption:
    """Counts what was left, and takes it over one section at a time.

    A spool may hold thousands of sections, and each that is held costs the process that
    runs a plan some of the files that it may have open.
    """

    def __init__(self, spool: Spool, tally: Tally) -> None:
        self._spool = spool
        self._tally = tally
        self._left: deque[Left] = deque()
        self._others: set[Path] = set()
        self._section: Section | None = None

    def look(self) -> None:
        """Count what was left since the last look."""
        known = self._known()
        with suppress(OSError):
            for folder, other in self._spool.sections():
                if other:
                    self._leave(folder, other)
                elif folder not in known:
                    self._count(folder)

    def batch(self, limit: int) -> tuple[Segment, bytes] | None:
        """Return lines to be sent and the segment to be told; None if there are none.

        One that cannot be read holds up no other: it is looked at again by `look`.
        """
        while self._section is not None or self._left:
            if self._section is None:
                self._take(*self._left.popleft())
                continue
            try:
                found = self._section.batch(limit)
            except OSError as error:
                self._tell(self._section.folder, error)
                found = None
            if found is not None:
                return found
            self._drop()
        return None

    def inherit(self, left: list[Left]) -> None:
        """Take over what was counted already; safe from another thread."""
        known = self._known()
        for folder, count in left:
            if folder in known:
                self._tally.accept(-count)
            else:
                self._left.append((folder, count))

    def left(self) -> list[Left]:
        """Return what was counted and is not yet acknowledged."""
        left = list(self._left)
        if self._section is not None:
            with suppress(OSError):
                left.append((self._section.folder, self._section.lines_left()))
        return left

    def close(self) -> None:
        """Release the section that is held."""
        section, self._section = self._section, None
        if section is not None:
            section.close()

    def abandon(self) -> None:
        """Let go of the section in a child of a fork."""
        if self._section is not None:
            self._section.abandon()

    def _known(self) -> set[Path]:
        section = self._section
        held = set() if section is None else {section.folder}
        return held | {folder for folder, _ in tuple(self._left)}

    def _leave(self, folder: Path, other: str) -> None:
        """Say once whose it is that is not ours to send."""
        if folder in self._others:
            return
        self._others.add(folder)
        if self._left_in(folder):
            self._tally.tell(
                f"what a former session left in {folder.parent} waits for {other}:"
                " a writer to that one sends it, or `quire ingest --spool`",
                once=other,
            )

    def _count(self, folder: Path) -> None:
        if count := self._left_in(folder):
            self._tally.accept(count)
            self._left.append((folder, count))

    def _left_in(self, folder: Path) -> int:
        try:
            return Section.left_in(folder)
        except OSError as error:
            self._tell(folder, error)
            return 0

    def _take(self, folder: Path, counted: int) -> None:
        # Another process may have sent some, or be at it.
        self._section, count = self._adopted(folder)
        self._tally.accept(count - counted)

    def _drop(self) -> None:
        """Let go of what was sent, or cannot be read further."""
        if self._section is not None:
            with suppress(OSError):
                self._tally.accept(-self._section.lines_left())
        self.close()

    def _adopted(self, folder: Path) -> tuple[Section | None, int]:
        try:
            section = Section.adopt(folder)
            return section, section.lines_left() if section is not None else 0
        except OSError as error:
            self._tell(folder, error)
            return None, 0

    def _tell(self, folder: Path, error: OSError) -> None:
        self._tally.tell(
            f"what a former session left in {folder} cannot be read:"
            f" {error.strerror or error}",
            once=str(folder),
        )
