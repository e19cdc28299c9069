"""What the local backend writes down of each lab, so that a later server finds it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from quire.labs.lab import Account


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a lab runs.

    Attributes
    ----------
    shown
        The folder that it shows.
    check
        Address that is answered with 200 once it serves.
    token
        What lets its user in, empty where JupyterHub does that.
    boot
        The start of the machine during which it was started.
    pid
        Of its keeper; 0 until that is started.
    started
        When its keeper was, in clock ticks since the machine's start.
    """

    lab: str
    account: Account
    shown: str
    url: str
    check: str
    token: str
    boot: str
    pid: int = 0
    started: int = 0


class Places:
    """The places of one server's labs, as files that only the server may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def log(self, lab: str) -> Path:
        """Return where a lab's output goes."""
        return self._file(lab, "log")

    def get(self, lab: str) -> Place | None:
        """Return a lab's place, None if there is none."""
        try:
            return msgspec.json.decode(self._file(lab, "json").read_bytes(), type=Place)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def put(self, place: Place) -> None:
        """Keep a place; whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._file(place.lab, "part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(place))
        part.replace(self._file(place.lab, "json"))

    def remove(self, lab: str) -> None:
        """Forget a lab's place, not its log."""
        for kind in ("part", "json"):
            with contextlib.suppress(FileNotFoundError):
                self._file(lab, kind).unlink()

    def all(self) -> Iterator[Place]:
        """Yield every place."""
        if self._folder.is_dir():
            for file in sorted(self._folder.glob("*.json")):
                place = self.get(file.stem)
                if place is not None:
                    yield place

    def _file(self, lab: str, kind: str) -> Path:
        return self._folder / f"{lab}.{kind}"


def this_boot() -> str:
    """Return a name for the time since the machine was started (random(4))."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""
