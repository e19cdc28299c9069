"""One writer's part of a spool: its segments, under a lock that ends with its process.

Whoever holds the lock may send the section; so two live writers never send the same
documents, and those of a dead process are anyone's to take.
"""

import fcntl
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from quire.client.segment import SIZE, SUFFIX, Segment, sync_folder

_LOCK = "lock"
_SERVER = "server"
_MOST_OPEN = 4


class Section:
    """A locked folder of segments; made by `create` or `adopt`.

    One thread may write while another sends.
    """

    def __init__(self, folder: Path, lock: int, segments: list[Segment]) -> None:
        self.folder = folder
        self._lock = lock
        self._segments = segments
        self._current: Segment | None = None
        self._spare: Segment | None = None
        self._number = len(segments)
        self._guard = threading.Lock()

    @classmethod
    def create(cls, folder: Path, server: str = "") -> Self:
        """Make a new section with its first segment.

        Parameters
        ----------
        server
            Whose it is; empty for whichever is found.

        Raises
        ------
        OSError
            The folder cannot be made or written.
        """
        # It gets its name once it is locked, lest another process adopt it.
        fresh = folder.with_name(f".{folder.name}")
        fresh.mkdir(mode=0o700, parents=True)
        lock = os.open(fresh / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if server:
                with suppress(OSError):  # a full disk is no reason not to begin
                    _write_durably(fresh / _SERVER, server)
            fresh.rename(folder)
            sync_folder(folder.parent)
            section = cls(folder, lock, [])
            section._rotate(SIZE)
        except BaseException:
            os.close(lock)
            raise
        return section

    @classmethod
    def adopt(cls, folder: Path) -> Self | None:
        """Take over a section, or return None where somebody holds it.

        Raises
        ------
        OSError
            It cannot be read.
        """
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have deleted the folder just before.
            if (folder / _LOCK).stat().st_ino == os.fstat(lock).st_ino:
                files = sorted(folder.glob(f"*{SUFFIX}"))
                return cls(folder, lock, [Segment.adopt(file) for file in files])
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
        return None

    @classmethod
    def left_in(cls, folder: Path) -> int:
        """Return how many lines dead processes have left there.

        Raises
        ------
        OSError
            It cannot be read.
        """
        section = cls.adopt(folder)
        if section is None:
            return 0
        try:
            return section.lines_left()
        finally:
            section.close()

    @staticmethod
    def server_of(folder: Path) -> str:
        """Return whose server's a section is.

        Raises
        ------
        OSError
            It cannot be read.
        """
        try:
            return (folder / _SERVER).read_text("utf-8", "backslashreplace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def append(self, line: bytes) -> None:
        """Write a line; it is on disk once this returns.

        Raises
        ------
        OSError
            It is not.
        """
        with self._guard:
            segment = self._current
            if segment is None or not segment.has_room(len(line)):
                segment = self._rotate(max(SIZE, len(line)))
            try:
                segment.append(line)
            except OSError:
                # After a failed flush nothing is known of what lies in the file.
                self._current = None
                if not segment.end:
                    self._segments.remove(segment)
                    segment.remove()
                raise

    def prepare(self) -> None:
        """Make the next segment ahead of need, off the plan's own thread.

        Those that wait for their turn rest: of a server that is away for long there
        are many, and a process may have few files open.

        Raises
        ------
        OSError
            It cannot be made; it is tried again when it is needed.
        """
        with self._guard:
            for segment in self._segments[_MOST_OPEN:]:
                if segment is not self._current:
                    segment.rest()
        current = self._current
        if current is None or not current.half_full or self._spare is not None:
            return
        with self._guard:
            number = self._number = self._number + 1
        spare = Segment.create(self._path(number))
        with self._guard:
            self._spare = spare

    def batch(self, limit: int) -> tuple[Segment, bytes] | None:
        """Return lines to be sent and the segment to be told; None if there are none.

        Segments that are done with are deleted.
        """
        for segment in list(self._segments):
            if not segment.done:
                return segment, segment.batch(limit)
            with self._guard:
                # A line may have come, and the next segment, since we looked.
                if segment is self._current or not segment.done:
                    break
                self._segments.remove(segment)
            segment.remove()
        return None

    def lines_left(self) -> int:
        """Return how many lines are not yet acknowledged."""
        return sum(segment.lines_left() for segment in list(self._segments))

    def close(self) -> None:
        """Release the section; it is deleted if all of it is acknowledged."""
        with self._guard:
            everything = [*self._segments, *([self._spare] if self._spare else [])]
            done = all(segment.done for segment in everything)
            for segment in everything:
                segment.rest()
            self._segments, self._current, self._spare = [], None, None
            if done:
                shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)

    def abandon(self) -> None:
        """Close this process's copies of descriptors that belong to its parent.

        A lock ends with the last of its copies, so that else a child would hold what
        its parent left when that died.
        """
        lock, self._lock = self._lock, -1
        if lock < 0:
            return
        for segment in (*self._segments, *([self._spare] if self._spare else [])):
            with suppress(OSError):
                segment.rest()
        os.close(lock)

    def _rotate(self, size: int) -> Segment:
        spare, self._spare = self._spare, None
        if spare is not None and size <= SIZE:
            segment = spare
        else:
            self._number += 1
            segment = Segment.create(self._path(self._number), size=size)
            self._spare = spare
        self._segments.append(segment)
        self._current = segment
        return segment

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08d}{SUFFIX}"


def _write_durably(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(file.parent)
