"""What the parts of the store's contract are given, and uids that are hard."""

from typing import TypeVar
from uuid import UUID

import pytest

from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction

T = TypeVar("T")

ODD_UIDS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "ffffffffffffffffffffffffffffffff",
    "ffffffff-ffff-ffff-ffff-fffffffffff",
    "ffffffff-ffff-ffff-ffff-ffffffffffff ",
    "f",
    "zebra",
    "übung № 1 \U0001f52d",
    "with\0nul",
    "with\0other",
    "%_*'\"",
    "\ud7ff",
    "\U0010ffff",
    "\U0010ffff\U0010ffff!",
)


class ContractFixtures:
    """Override both fixtures."""

    @pytest.fixture
    def doorbell(self) -> Doorbell:
        """Return the doorbell that the store rings."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, doorbell: Doorbell) -> Store:
        """Return an empty store."""
        raise NotImplementedError


def uuid(number: int) -> str:
    """Return a UUID's text; greater numbers sort later."""
    return str(UUID(int=number))


def nothing(_: Transaction) -> None:
    """Read nothing and write nothing."""
