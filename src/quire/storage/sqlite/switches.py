"""Switches in SQLite."""

import apsw

from quire.ports.switch_records import Switch
from quire.storage.codec import Codec

_CODEC = Codec(Switch)
_GET = "SELECT record FROM switch WHERE space = ? AND name = ?"
_PUT = "INSERT OR REPLACE INTO switch (space, name, record) VALUES (?, ?, ?)"


class SqliteSwitches:
    """`quire.ports.switch_records.SwitchRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, space: str, name: str) -> Switch | None:
        """Return a switch; None where nobody has set it."""
        row = self._connection.execute(_GET, (space, name)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, switch: Switch) -> None:
        """Set a switch, in place of how it was."""
        key = (switch.space, switch.name)
        self._connection.execute(_PUT, (*key, _CODEC.encode(switch)))
