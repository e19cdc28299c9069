"""One file of the spool: lines of JSON, appended durably, sent, acknowledged.

A segment is preallocated, so that making a line durable touches no other metadata;
what lies behind the last line reads as zeros. Beside it stands how far the server has
acknowledged it. That mark is not flushed: if it is lost, lines are sent again, which
the server knows and counts once.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

SIZE = 16 * 2**20
SUFFIX = ".ndjson"
_MARK = 21  # twenty digits and a newline

_sync = getattr(os, "fdatasync", os.fsync)


class Segment:
    """One segment file; made by `create` or `adopt`.

    Parameters
    ----------
    descriptor
        Of the file; None if it rests, and is opened when it is needed.
    """

    def __init__(
        self, path: Path, descriptor: int | None = None, *, size: int, end: int
    ) -> None:
        self.path = path
        self.end = end
        self._size = size
        self._descriptor = descriptor
        self._mark: int | None = None
        self.acknowledged = self._read_mark()

    @classmethod
    def create(cls, path: Path, *, size: int = SIZE) -> "Segment":
        """Make an empty segment and make its making durable.

        Parameters
        ----------
        size
            Bytes to reserve; without that much space the file grows as it is written.

        Raises
        ------
        OSError
            The file cannot be made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with suppress(OSError, AttributeError):
                os.posix_fallocate(descriptor, 0, size)
            os.fsync(descriptor)
            sync_folder(path.parent)
            return cls(path, descriptor, size=size, end=0)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise

    @classmethod
    def adopt(cls, path: Path) -> "Segment":
        """Find what another process has left; a torn last line is left out.

        Raises
        ------
        OSError
            It cannot be read.
        """
        content = path.read_bytes()
        zeros = content.find(b"\0")
        whole = content.rfind(b"\n", 0, zeros if zeros >= 0 else None) + 1
        segment = cls(path, size=0, end=whole)
        segment.rest()
        return segment

    def has_room(self, length: int) -> bool:
        """Return whether a line of so many bytes fits into what is reserved."""
        return self.end + length <= self._size

    @property
    def half_full(self) -> bool:
        """Whether it is time to prepare the next."""
        return self.end * 2 > self._size

    @property
    def done(self) -> bool:
        """Whether all of it is acknowledged."""
        return self.acknowledged >= self.end

    def append(self, line: bytes) -> None:
        """Write a line; it is on disk once this returns.

        Raises
        ------
        OSError
            It is not; the next line takes its place.
        """
        if self._deleted():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        written = 0
        while written < len(line):
            written += os.pwrite(self._file, line[written:], self.end + written)
        _sync(self._file)
        self.end += len(line)

    def _deleted(self) -> bool:
        """Return whether what goes there ends with this process."""
        # Some file systems count no links at all; the path costs more to look at.
        return not os.fstat(self._file).st_nlink and not self.path.exists()

    def batch(self, limit: int) -> bytes:
        """Return whole lines that are not yet acknowledged: about `limit` bytes.

        A line that is longer comes alone.
        """
        while self.acknowledged < self.end:
            length = min(limit, self.end - self.acknowledged)
            found = os.pread(self._file, length, self.acknowledged)
            whole = found.rfind(b"\n") + 1
            if whole:
                return found[:whole]
            if len(found) < length:
                raise OSError(f"{self.path} is shorter than it was")
            limit *= 2
        return b""

    def lines_left(self) -> int:
        """Return how many lines are not yet acknowledged."""
        rested, left = self._descriptor is None, self.end - self.acknowledged
        count = os.pread(self._file, left, self.acknowledged).count(b"\n")
        if rested:
            self.rest()
        return count

    def acknowledge(self, length: int) -> None:
        """Remember that so many further bytes have arrived."""
        self.acknowledged += length
        with suppress(OSError):  # then they are sent once more
            os.pwrite(self._marked, b"%020d\n" % self.acknowledged, 0)

    def remove(self) -> None:
        """Delete the file; it must be `done`."""
        self.rest()
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".acknowledged").unlink(missing_ok=True)

    def rest(self) -> None:
        """Give up the descriptors until they are needed again."""
        for descriptor in (self._descriptor, self._mark):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._mark = None

    @property
    def _file(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR)
        return self._descriptor

    @property
    def _marked(self) -> int:
        if self._mark is None:
            mark = self.path.with_suffix(".acknowledged")
            self._mark = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
        return self._mark

    def _read_mark(self) -> int:
        mark = os.pread(self._marked, _MARK, 0)
        if len(mark) != _MARK or not mark[:-1].isdigit():
            return 0
        at = int(mark)
        if not 0 < at <= self.end or os.pread(self._file, 1, at - 1) != b"\n":
            return 0
        return at


def sync_folder(folder: Path) -> None:
    """Make the making and renaming of a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
