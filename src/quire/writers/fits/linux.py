"""What Linux can do with files that Python's `os` does not offer.

Each says False where the system, or the file system, cannot; the errors of the disk
(ENOSPC, EDQUOT, EFBIG, EIO) are raised. Sources: ioctl_ficlonerange(2), fallocate(2),
sync_file_range(2).
"""

import ctypes
import errno
import fcntl
import functools
import os
import struct
import sys
from collections.abc import Callable

_FICLONERANGE = 0x4020940D
_INSERT_RANGE = 0x20
_WRITE_BEHIND, _WRITTEN = 2, 7
_CANNOT = frozenset(
    {
        errno.EBADF,
        errno.EINVAL,
        errno.ENOSYS,
        errno.ENOTTY,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.ETXTBSY,
        errno.EXDEV,
    }
)


def clone_range(
    source: int, target: int, *, source_offset: int, offset: int, length: int
) -> bool:
    """Let a file share blocks with another; return whether it now does.

    Parameters
    ----------
    source_offset, offset, length
        Multiples of the file system's block; a length of 0 reaches to the end.
    """
    if not sys.platform.startswith("linux"):
        return False
    request = struct.pack("qQQQ", source, source_offset, length, offset)
    try:
        fcntl.ioctl(target, _FICLONERANGE, request)
    except OSError as problem:
        if problem.errno in _CANNOT:
            return False
        raise
    return True


def preallocate(descriptor: int, length: int) -> bool:
    """Reserve room from a file's start on; return whether that is certain now."""
    return _allocate(descriptor, 0, 0, length)


def insert_range(descriptor: int, length: int) -> bool:
    """Move all of a file back by `length` bytes, a multiple of the file system's block.

    What is then at its start is undefined.
    """
    return _allocate(descriptor, _INSERT_RANGE, 0, length)


def start_flushing(descriptor: int, offset: int, length: int) -> None:
    """Have the disk begin to write a stretch of a file; a hint, nothing is durable."""
    call = _function("sync_file_range", ctypes.c_uint)
    if call is not None:
        call(descriptor, offset, length, _WRITE_BEHIND)


def await_flushed(descriptor: int, offset: int, length: int) -> None:
    """Return once the disk has written a stretch of a file; nothing is durable yet."""
    call = _function("sync_file_range", ctypes.c_uint)
    if call is not None:
        call(descriptor, offset, length, _WRITTEN)


def _allocate(descriptor: int, mode: int, offset: int, length: int) -> bool:
    call = _function("fallocate", None)
    if call is None:
        return False
    while call(descriptor, mode, offset, length):
        number = ctypes.get_errno()
        if number in _CANNOT:
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True


@functools.cache  # looking a function up takes longer than calling it
def _function(name: str, last: type[ctypes.c_uint] | None) -> Callable[..., int] | None:
    """Return a function of the C library, which takes two offsets, if it has it."""
    if not sys.platform.startswith("linux"):
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if found is None:
        return None
    file, offset = ctypes.c_int, ctypes.c_int64
    # fallocate: descriptor, mode, two offsets; sync_file_range: the flags come last.
    found.argtypes = (file, file, offset, offset)
    if last is not None:
        found.argtypes = (file, offset, offset, last)
    found.restype = ctypes.c_int
    call: Callable[..., int] = found
    return call
