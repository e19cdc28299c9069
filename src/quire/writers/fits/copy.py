"""Copying bytes from file to file by the fastest way that the file system offers.

An engine may copy less than asked for, so the loop stands here, once.
"""

import errno
import os
from collections.abc import Callable, Sequence

# At most so many bytes are copied between two looks whether to stop.
CHUNK = 8 * 1024 * 1024
_BUFFER = 1024 * 1024
_REFUSED = frozenset({errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})

# Copies up to `count` bytes: (source, target, count, source_offset, offset) -> copied.
CopyEngine = Callable[[int, int, int, int, int], int]


class CutShort(OSError):
    """The source ended before all of its bytes were copied."""


def read_write(
    source: int, target: int, count: int, source_offset: int, offset: int
) -> int:
    """Copy through memory; works everywhere."""
    chunk = os.pread(source, min(count, _BUFFER), source_offset)
    written = 0
    while written < len(chunk):
        view = memoryview(chunk)[written:]
        written += os.pwrite(target, view, offset + written)
    return written


def shift(descriptor: int, by: int) -> None:
    """Move all of a file back by some bytes, from its end on, through memory."""
    at = os.fstat(descriptor).st_size
    while at:
        count = min(_BUFFER, at)
        at -= count
        read_write(descriptor, descriptor, count, at, at + by)


def engines() -> tuple[CopyEngine, ...]:
    """Return the engines of this platform, the best first.

    ``copy_file_range`` copies inside the kernel, or not at all where the file
    system shares blocks between files.
    """
    in_kernel: CopyEngine | None = getattr(os, "copy_file_range", None)
    return (read_write,) if in_kernel is None else (in_kernel, read_write)


class Copier:
    """Copies ranges, and remembers which engine works.

    Parameters
    ----------
    ways
        Engines, the best first; the last must work everywhere.
    copied
        Told how many bytes were just copied; may raise to stop.
    """

    def __init__(
        self, ways: Sequence[CopyEngine], copied: Callable[[int], None]
    ) -> None:
        self._ways = list(ways)
        self._copied = copied

    def copy(
        self, source: int, target: int, length: int, *, source_offset: int, offset: int
    ) -> None:
        """Copy `length` bytes between file descriptors.

        Raises
        ------
        CutShort
            The source ends too early.
        OSError
            As the system says: ENOSPC, EDQUOT, EIO.
        """
        done = 0
        while done < length:
            count = min(CHUNK, length - done)
            step = self._step(
                source, target, count, source_offset + done, offset + done
            )
            done += step
            self._copied(step)

    def _step(
        self, source: int, target: int, count: int, source_offset: int, offset: int
    ) -> int:
        while True:
            way = self._ways[0]
            try:
                step = way(source, target, count, source_offset, offset)
            except OSError as problem:
                if problem.errno not in _REFUSED or len(self._ways) == 1:
                    raise
                del self._ways[0]
                continue
            if step:
                return step
            if len(self._ways) == 1:
                raise CutShort(f"the source ends at byte {source_offset}")
            # Some file systems (procfs, FUSE) copy nothing in the kernel.
            del self._ways[0]
