"""Moving the data of a product: read once, summed, hashed and written at once.

Several threads do it; reading, hashing, summing and writing all let other threads run.
"""

import hashlib
import os
import queue
from collections.abc import Mapping
from threading import Event, Thread
from typing import Self

import msgspec

from quire.writers.fits import copy
from quire.writers.fits.checksum import ones_sum
from quire.writers.fits.hashing import READ, fill
from quire.writers.fits.linux import await_flushed, start_flushing

_THREADS = 4
# For less, more than two threads take longer to start than they save.
_WORTH_THREADS = 16 * 2**20
# For less, asking the disk to begin costs more than it saves.
_WORTH_FLUSHING = 256 * 1024
# So much of each thread waits for the disk at most, twice: who else has to be durable,
# as the store of the server beside it, waits behind all of that.
_WINDOW = 4 * 2**20


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are hashed as one.

    Attributes
    ----------
    part, number
        Which part of the product, which piece of its data.
    source
        Descriptor of the file that it is read from.
    content
        The bytes themselves, where they are in memory.
    write
        Whether it is written; False if the product has these bytes already.
    read
        Whether it is read, summed and hashed; False if all that is known, and it is
        only copied, by whatever way is the fastest.
    sum
        Whether its sum is wanted, beside its hash.
    """

    part: int
    number: int
    source: int = -1
    source_offset: int = 0
    content: memoryview | None = None
    offset: int = 0
    length: int
    write: bool = True
    read: bool = True
    sum: bool = True


class _Stopped(Exception):
    """Nobody wants what is being copied any more."""


class CutShort(Exception):
    """A source ended before all of a piece was read."""

    def __init__(self, part: int) -> None:
        self.part = part
        super().__init__(f"the source of part {part} became shorter")


class Pump:
    """Moves pieces in threads; use as a context manager, which stops and joins them.

    Parameters
    ----------
    target
        The product, open for writing.
    size
        Its bytes.
    """

    def __init__(self, target: int, size: int) -> None:
        self._target = target
        self._flush = size >= _WORTH_FLUSHING
        self._pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self._results: dict[tuple[int, int], tuple[bytes, int]] = {}
        self._problems: list[BaseException] = []
        self._stop = Event()
        threads = _THREADS if size >= _WORTH_THREADS else 2
        self._moved = [0] * min(threads, os.cpu_count() or 1)
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.close()
        for thread in self._threads:
            thread.join()

    def put(self, piece: Piece) -> None:
        """Have a piece moved."""
        self._pieces.put(piece)
        number = len(self._threads)
        if number < len(self._moved):
            name = f"pump-{number}"
            thread = Thread(target=self._run, args=(number,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Say that no piece follows."""
        for _ in self._threads:
            self._pieces.put(None)

    def done(self, *, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether all threads have ended."""
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)
                return not any(one.is_alive() for one in self._threads)
        return True

    @property
    def moved(self) -> int:
        """Bytes that have been moved so far."""
        return sum(self._moved)

    def results(self) -> Mapping[tuple[int, int], tuple[bytes, int]]:
        """Return SHA-256 and sum of each (part, number).

        Raises
        ------
        CutShort
            A source became shorter.
        OSError
            The disk refused.
        """
        for problem in self._problems:
            raise problem
        return self._results

    def _run(self, thread: int) -> None:
        buffer = memoryview(bytearray(READ))
        while (piece := self._pieces.get()) is not None:
            try:
                done = self._move(piece, buffer, thread)
            except (EOFError, copy.CutShort):
                self._fail(CutShort(piece.part))
                return
            except _Stopped:
                return
            except OSError as problem:
                self._fail(problem)
                return
            if done is None:
                return
            self._results[piece.part, piece.number] = done

    def _fail(self, problem: Exception) -> None:
        self._problems.append(problem)
        self._stop.set()

    def _move(
        self, piece: Piece, buffer: memoryview, thread: int
    ) -> tuple[bytes, int] | None:
        if not piece.read:
            return self._copy(piece, thread)
        digest, total, done = hashlib.sha256(), 0, 0
        while done < piece.length:
            if self._stop.is_set():
                return None
            view = self._read(piece, done, buffer)
            digest.update(view)
            if piece.sum:
                total = ones_sum(view, total)
            if piece.write:
                write_all(self._target, view, piece.offset + done)
            done += len(view)
            self._moved[thread] += len(view)
            if piece.write and self._flush:
                self._flush_behind(piece, done)
        return digest.digest(), total

    def _read(self, piece: Piece, done: int, buffer: memoryview) -> memoryview:
        """Return the bytes that come next."""
        if piece.content is not None:
            return piece.content
        view = buffer[: min(READ, piece.length - done)]
        fill(view, piece.source, piece.source_offset + done)
        return view

    def _flush_behind(self, piece: Piece, done: int) -> None:
        """Have the disk write the last window, and wait for the one before it."""
        last = done % _WINDOW
        if last and done < piece.length:
            return
        begin = piece.offset + done - (last or _WINDOW)
        start_flushing(self._target, begin, last or _WINDOW)
        if begin > piece.offset:
            await_flushed(self._target, begin - _WINDOW, _WINDOW)

    def _copy(self, piece: Piece, thread: int) -> tuple[bytes, int]:
        def copied(count: int) -> None:
            self._moved[thread] += count
            if self._stop.is_set():
                raise _Stopped

        copy.Copier(copy.engines(), copied).copy(
            piece.source,
            self._target,
            piece.length,
            source_offset=piece.source_offset,
            offset=piece.offset,
        )
        if self._flush:
            start_flushing(self._target, piece.offset, piece.length)
        return b"", 0


def write_all(target: int, content: bytes | memoryview, offset: int) -> None:
    """Write all of some bytes at an offset."""
    view, done = memoryview(content), 0
    while done < len(view):
        done += os.pwrite(target, view[done:], offset + done)
