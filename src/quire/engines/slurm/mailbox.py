"""Orders for pilots, as files in a folder that server and nodes share.

An order lies in ``waiting`` until a pilot renames it into its own folder below
``taken``: whoever renames it first has it. There it lies until nothing of its attempt is
left. Beside it a file of the same name with ``.end`` says that it must end. Files are
for their owner alone: an order holds a token.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from quire.ports.launcher import AttemptKey, RunnerOrder

_END = ".end"


class Mailbox:
    """The orders for pilots of one sort; blocking.

    Parameters
    ----------
    folder
        As this machine sees it; made by `make`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._waiting = folder / "waiting"
        self._taken = folder / "taken"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self._waiting, self._taken):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, order: RunnerOrder) -> None:
        """Add an order."""
        name = _name((order.job, order.attempt))
        draft = self._waiting / f".{name}"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(msgspec.json.encode(order))
        draft.rename(self._waiting / name)

    def waiting(self) -> list[AttemptKey]:
        """Return the orders that no pilot has, the oldest job's first."""
        return sorted(_keys(self._waiting))

    def taken(self) -> dict[AttemptKey, str]:
        """Return the orders under way, each with its pilot."""
        with contextlib.suppress(FileNotFoundError):
            pilots = [entry.name for entry in os.scandir(self._taken)]
            return {key: one for one in pilots for key in _keys(self._taken / one)}
        return {}

    def sample(self) -> RunnerOrder | None:
        """Return one of the orders that wait, None if there is none."""
        for key in self.waiting():
            with contextlib.suppress(FileNotFoundError):  # taken meanwhile
                text = (self._waiting / _name(key)).read_bytes()
                return msgspec.json.decode(text, type=RunnerOrder)
        return None

    def withdraw(self, key: AttemptKey) -> bool:
        """Take back an order; False if none waits."""
        try:
            (self._waiting / _name(key)).unlink()
        except FileNotFoundError:
            return False
        return True

    def end(self, pilot: str, key: AttemptKey) -> None:
        """Have a pilot end an attempt."""
        with contextlib.suppress(FileNotFoundError):
            (self._taken / pilot / f"{_name(key)}{_END}").touch(mode=0o600)

    def discard(self, pilot: str) -> None:
        """Remove what a dead pilot has left."""
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self._taken / pilot):
                Path(entry.path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (self._taken / pilot).rmdir()

    def take(self, pilot: str) -> RunnerOrder | None:
        """Return an order for a pilot, None if there is none."""
        own = self._taken / pilot
        own.mkdir(exist_ok=True, mode=0o700)
        for key in self.waiting():
            with contextlib.suppress(FileNotFoundError):  # another one was first
                (self._waiting / _name(key)).rename(own / _name(key))
                text = (own / _name(key)).read_bytes()
                return msgspec.json.decode(text, type=RunnerOrder)
        return None

    def must_end(self, pilot: str, key: AttemptKey) -> bool:
        """Return whether a pilot is told to end an attempt, or its order is gone."""
        name = self._taken / pilot / _name(key)
        return name.with_name(name.name + _END).exists() or not name.exists()

    def done(self, pilot: str, key: AttemptKey) -> None:
        """Say that nothing of an attempt is left."""
        name = self._taken / pilot / _name(key)
        for one in (name, name.with_name(name.name + _END)):
            one.unlink(missing_ok=True)


def _name(key: AttemptKey) -> str:
    return f"{key[0]}.{key[1]}"


def _keys(folder: Path) -> Iterator[AttemptKey]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        job, _, attempt = name.rpartition(".")
        if not name.startswith(".") and job and attempt.isdecimal():
            yield job, int(attempt)
