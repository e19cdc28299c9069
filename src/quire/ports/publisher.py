"""How a finished product gets its public name."""

from pathlib import Path
from typing import Protocol

from quire.jobs.job import StagedProduct


class Publisher(Protocol):
    """Moves a staged product to where people find it.

    Guarantees
    ----------
    - The product appears whole or not at all, its manifest first; both are durable
      when it returns.
    - Repeating it after a crash at any point is harmless.
    """

    def destination(self, staged: StagedProduct) -> tuple[Path, Path]:
        """Return where file and manifest will lie, relative to the data folder."""
        ...

    def publish(self, staged: StagedProduct) -> None:
        """Publish; blocks while the disk is written."""
        ...
