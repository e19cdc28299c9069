"""Marks as files of a job's own folder, durable before they count."""

import os
from pathlib import Path

from quire.writers.fits.publish import sync_folder


class FileMarks:
    """Keeps marks in a folder (`quire.ports.transfer.Marks`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str) -> bytes | None:
        """Return what a mark says."""
        try:
            return (self._folder / f"{name}.mark").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, content: bytes) -> None:
        """Make a mark."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{name}.mark"
        part = path.with_suffix(".part")
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        sync_folder(self._folder)

    def remove(self, name: str) -> None:
        """Take a mark back."""
        (self._folder / f"{name}.mark").unlink(missing_ok=True)
