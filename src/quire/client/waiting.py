"""Iterate in a thread, so that the reader can wait with a limit and be interrupted."""

import queue
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Behind the last item."""


def in_thread(items: Iterator[T], *, timeout: float | None = None) -> Iterator[T]:
    """Yield items as they come.

    Parameters
    ----------
    items
        Iterated in a thread of its own, which ends with the process at the latest.
    timeout
        Seconds for all of them together.

    Raises
    ------
    TimeoutError
        Not all have come by then.
    Exception
        Whatever the iteration raises.
    """
    found: queue.SimpleQueue[T | BaseException | _End] = queue.SimpleQueue()

    def run() -> None:
        try:
            for item in items:
                found.put(item)
            found.put(_End())
        except BaseException as error:  # noqa: BLE001 - handed to the reader
            found.put(error)

    threading.Thread(target=run, name="quire listener", daemon=True).start()
    return _taken(found, None if timeout is None else time.monotonic() + timeout)


def _taken(
    found: "queue.SimpleQueue[T | BaseException | _End]", deadline: float | None
) -> Iterator[T]:
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            item = found.get(timeout=left)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(item, _End):
            return
        if isinstance(item, BaseException):
            raise item
        yield item
