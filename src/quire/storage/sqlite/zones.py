"""Between what ids lie the runs of each 1,024 numbers, as migration 12 tells it."""

from collections.abc import Mapping
from typing import Any

import apsw

from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.id_bounds import STRETCH_BITS, zones_of

Stretches = tuple[int, int, int | str | None]
"""The experiment of a run, the stretch of its number, and that of its scan_id."""


class Zones:
    """The zones of one connection's database.

    They move as slowly as time goes by: nearly all runs lie within what is known of
    their zones, and need no statement.
    """

    def __init__(self, connection: apsw.Connection, changes: Changes) -> None:
        self._connection = connection
        # From where to where the zones of both stretches reach at least.
        self._known: dict[Stretches, tuple[int, int]] = changes.cache({})

    def widen(self, row: Mapping[str, Any]) -> None:
        """Have a run lie within the zones of its numbers.

        Parameters
        ----------
        row
            Its id and its numbers, as `run_sql.INSERT` binds them.
        """
        place, scan_id = row["id"], row["scan_id"]
        if isinstance(scan_id, int):
            scan_id >>= STRETCH_BITS
        stretches = row["experiment"], row["run"] >> STRETCH_BITS, scan_id
        zone, _ = zones_of((place, place))
        earliest, latest = self._known.get(stretches, (zone, zone - 1))
        if not earliest <= zone <= latest:
            for text in sql.TO_ZONES:
                self._connection.execute(text, row)
            self._known[stretches] = min(earliest, zone), max(latest, zone)
