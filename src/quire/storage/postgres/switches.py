"""Switches in PostgreSQL."""

import msgspec

from quire.ports.switch_records import Switch
from quire.storage.codec import Codec
from quire.storage.postgres.keys import shortened
from quire.storage.postgres.session import Session

_CODEC = Codec(Switch)
_GET = "SELECT record FROM switch WHERE key = %s"
_PUT = (
    "INSERT INTO switch (key, record) VALUES (%s, %s)"
    " ON CONFLICT (key) DO UPDATE SET record = excluded.record"
)


class PostgresSwitches:
    """`quire.ports.switch_records.SwitchRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, space: str, name: str) -> Switch | None:
        """Return a switch; None where nobody has set it."""
        self._session.lock("switch", f"{space}\0{name}")
        row = self._session.row(_GET, (key_of(space, name),))
        return None if row is None else _CODEC.decode(row[0])

    def put(self, switch: Switch) -> None:
        """Set a switch, in place of how it was."""
        self._session.lock("switch", f"{switch.space}\0{switch.name}")
        key = key_of(switch.space, switch.name)
        self._session.run(_PUT, (key, _CODEC.encode(switch)))


def key_of(space: str, name: str) -> bytes:
    """Return a key that may hold NUL, which text of PostgreSQL may not."""
    return shortened(msgspec.json.encode((space, name)))
