"""Switches in memory."""

from quire.ports.switch_records import Switch
from quire.storage.memory.journal import Journal


class MemorySwitches:
    """`quire.ports.switch_records.SwitchRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._switches: dict[tuple[str, str], Switch] = {}

    def get(self, space: str, name: str) -> Switch | None:
        """Return a switch; None where nobody has set it."""
        return self._switches.get((space, name))

    def put(self, switch: Switch) -> None:
        """Set a switch, in place of how it was."""
        self._journal.set(self._switches, (switch.space, switch.name), switch)
