"""A log that keeps no more than its newest bytes."""

import os


class BoundedLog:
    """Writes to a file; once that has grown too long, only its tail is kept.

    Parameters
    ----------
    descriptor
        Of the file, at its end; opened without ``O_APPEND``. Nobody else writes.
    most
        Bytes that the file may have.
    kept
        Bytes of the tail that are kept then.
    """

    def __init__(
        self, descriptor: int, *, most: int = 4 * 1024**2, kept: int = 1024**2
    ) -> None:
        self._descriptor = descriptor
        self._most = most
        self._kept = kept
        self._length = 0
        self._tail = bytearray()

    def write(self, said: bytes) -> None:
        """Add to the log.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        self._tail += said
        del self._tail[: -self._kept]
        if self._length + len(said) > self._most:
            self._cut()
        else:
            self._put(said)

    def _cut(self) -> None:
        # Over the oldest bytes first: whoever reads meanwhile finds the tail twice,
        # never not at all.
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._length = 0
        self._put(bytes(self._tail))
        os.ftruncate(self._descriptor, self._length)

    def _put(self, said: bytes) -> None:
        view = memoryview(said)
        while view:
            written = os.write(self._descriptor, view)
            self._length += written
            view = view[written:]
