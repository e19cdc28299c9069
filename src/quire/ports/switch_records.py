"""What people have switched on or off, over what the configuration says."""

from typing import Protocol

import msgspec


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is on or off.

    Attributes
    ----------
    space
        What the names name, such as ``projection rule``.
    by
        Who set it last.
    at
        When, in Unix seconds.
    """

    space: str
    name: str
    on: bool
    by: str
    at: float


class SwitchRecords(Protocol):
    """The switches that somebody has set."""

    def get(self, space: str, name: str) -> Switch | None:
        """Return a switch; None where nobody has set it."""
        ...

    def put(self, switch: Switch) -> None:
        """Set a switch, in place of how it was."""
        ...
