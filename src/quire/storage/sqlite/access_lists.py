"""Access lists in SQLite: few, shared by many runs, and known by a small number."""

import apsw
import msgspec

from quire.access.visibility import Audience, Keys, admits
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.short_memory import ShortMemory

_DECODE = msgspec.json.Decoder(Audience).decode


class AccessLists:
    """The access lists of one connection's database.

    Parameters
    ----------
    numbers
        Those that were read lately.
    """

    def __init__(
        self, connection: apsw.Connection, numbers: ShortMemory[str, int] | None = None
    ) -> None:
        self._connection = connection
        self._numbers = ShortMemory() if numbers is None else numbers

    def number(self, audience: Audience) -> int:
        """Return the number of a list, made if it is new."""
        members = msgspec.json.encode(audience).decode()
        known = self._numbers.get(members)
        if known is not None:
            return known
        row = self._connection.execute(sql.ACCESS_GET, (members,)).fetchone()
        if row is None:
            self._connection.execute(sql.ACCESS_PUT, (members,))
            number = self._connection.last_insert_rowid()
        else:
            number = int(str(row[0]))
        self._numbers.put(members, number)
        return number

    def admitting(self, keys: Keys) -> tuple[int, ...] | None:
        """Return the lists that let one of the keys in, None for every list."""
        if keys is None:
            return None
        rows = self._connection.execute(sql.ACCESS_ALL, (0,))
        return tuple(
            number for number, members in rows if admits(_DECODE(members), keys)
        )
