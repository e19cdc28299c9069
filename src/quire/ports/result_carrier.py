"""How results come back from machines that do not see the data folder."""

from pathlib import Path
from typing import Protocol


class ResultCarrier(Protocol):
    """Carries files of attempts, each known by its path relative to the data folder."""

    def place(self, path: str) -> str:
        """Return an address to which the runner puts the file by one HTTP PUT.

        It holds no secret but its own right to that one file, for an hour.
        """
        ...

    def fetch(self, path: str, target: Path) -> None:
        """Bring a file to this machine, durably; blocks.

        Raises
        ------
        TransferProblem
            It is not there, or cannot be fetched now.
        """
        ...

    def drop(self, path: str) -> None:
        """Remove a file that was fetched; nothing happens where it cannot be."""
        ...
