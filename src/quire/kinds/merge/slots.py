"""How many transfers use a host at a time, over all processes of this machine.

A slot is a lock on a file (flock(2)): the system lets go of it whatever becomes of the
process that had it. The files stay: to remove one that another opens would give its slot
away twice.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

PER_HOST = 2
TRANSFERS = "transfers"
"""The folder's name within a data folder."""

_LOOK = 0.05
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Slot:
    """The right to use a host; use it as a context manager, in any thread."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free()

    def free(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class HostSlots:
    """The slots of all hosts.

    Parameters
    ----------
    folder
        Where the locks lie; whoever uses it shares the slots. It is made when needed.
    per_host
        Slots of each host; 0 is no limit, as this machine itself has none.
    """

    def __init__(self, folder: Path, *, per_host: int = PER_HOST) -> None:
        self._folder = folder
        self._per_host = per_host

    def take(self, host: str) -> Slot | None:
        """Return a slot, None if there is none just now."""
        if not host or not self._per_host:
            return Slot()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(self._per_host):
            path = self._folder / f"{quote(host, safe='')}.{number}"
            descriptor = os.open(path, _FLAGS, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            else:
                return Slot(descriptor)
        return None

    @contextmanager
    def waited(
        self,
        host: str,
        proceed: Callable[[], None],
        waits: Callable[[str], None] = lambda _: None,
    ) -> Iterator[None]:
        """Have a slot as soon as there is one.

        Parameters
        ----------
        proceed
            Called often; raises to stop.
        waits
            Told the host, once, if there is none at first.
        """
        if (slot := self.take(host)) is None:
            waits(host)
        while slot is None:
            proceed()
            time.sleep(_LOOK)
            slot = self.take(host)
        with slot:
            yield
