"""Access lists in SQLite: few, shared by many runs, and known by a small number."""

import apsw
import msgspec

from quire.access.visibility import Audience, Keys, admits
from quire.storage.sqlite import run_sql as sql

_DECODE = msgspec.json.Decoder(Audience).decode


class AccessLists:
    """The access lists of one connection's database."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def number(self, audience: Audience) -> int:
        """Return the number of a list, made if it is new."""
        members = msgspec.json.encode(audience).decode()
        row = self._connection.execute(sql.ACCESS_GET, (members,)).fetchone()
        if row is not None:
            found: int = row[0]
            return found
        self._connection.execute(sql.ACCESS_PUT, (members,))
        return self._connection.last_insert_rowid()

    def admitting(self, keys: Keys) -> tuple[int, ...] | None:
        """Return the lists that let one of the keys in, None for every list."""
        if keys is None:
            return None
        rows = self._connection.execute(sql.ACCESS_ALL, (0,))
        return tuple(
            number for number, members in rows if admits(_DECODE(members), keys)
        )
