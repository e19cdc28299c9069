"""What all parts of a server stand on."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from quire.clock import Clock, IdMaker
from quire.config import Settings
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Passed to each part, so that none looks anything up.

    Attributes
    ----------
    user
        Name of the server's own user, who owns the data folder.
    stopping
        Set when the server is about to end.
    """

    settings: Settings
    user: str
    store: Store
    doorbell: Doorbell
    clock: Clock
    ids: IdMaker
    stopping: asyncio.Event

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.settings.data_folder
