"""Looks at runs that are to be changed: one statement for all that a change needs.

A change reads the run's record, where its log ends, and whether others have added
documents. Each would be a round trip. What was read holds until the commit: the locks
see to that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from quire.progress.log import Head
from quire.runs.run import Run
from quire.storage.codec import Codec
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.known_keys import KnownKeys
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column

CODEC = Codec(Run)
# Behind every block: of a run of which nothing is known, nothing is asked.
_NO_NEWS = 2**63 - 1


class Standing(NamedTuple):
    """A run as it is in the database.

    Attributes
    ----------
    facts
        Hash of what its view was made from.
    until
        End of its lease, Unix seconds.
    facets, access
        What the counters have of it, and in which access list.
    """

    number: int
    facts: bytes
    until: float | None
    facets: bytes
    access: int
    run: Run


class Looks:
    """What was read of runs and logs in the transaction under way.

    Attributes
    ----------
    known
        The keys of runs, which outlive the transaction.
    """

    def __init__(self, session: Session) -> None:
        self.known = KnownKeys()
        self._session = session
        self._epoch = -1
        self._standings: dict[str, Standing | None] = {}
        self._heads: dict[str, Head | None] = {}

    def standing(self, uid: str) -> Standing | None:
        """Return a run as it is, locked with its log until the commit."""
        # Nearly always something is told of a run that is looked at to be changed.
        self._session.lock_all({"run": [uid], "operation": [uid]})
        self._turn_to_now()
        if uid not in self._standings:
            self._standings[uid] = self._look(uid)
        return self._standings[uid]

    def put(self, standing: Standing) -> None:
        """Take note of how a run is now."""
        self._turn_to_now()
        self._standings[standing.run.uid] = standing

    @property
    def heads(self) -> dict[str, Head | None]:
        """The heads of logs, to be read and kept up by whoever writes them."""
        self._turn_to_now()
        return self._heads

    def _turn_to_now(self) -> None:
        """Forget what was read under locks that are gone."""
        if self._epoch != self._session.epoch:
            self._epoch = self._session.epoch
            self._standings, self._heads = {}, {}

    def _look(self, uid: str) -> Standing | None:
        known = self.known.peek(uid)
        asked = {
            "key": to_key(uid),
            "run": to_column(uid),
            "block": _NO_NEWS if known is None else known.last_block,
            "adopted": _NO_NEWS if known is None else known.last_adopted,
        }
        row = self._session.row(sql.STANDING, asked)
        if row is None:
            return None
        number, facts, until, facets, access, record, *head, news = row
        if known is not None and not news:
            known.epoch = self._session.epoch
        self._heads.setdefault(uid, None if head[0] is None else head_of(uid, head))
        return Standing(number, facts, until, facets, access, CODEC.decode(record))


def head_of(operation: str, row: Sequence[Any]) -> Head:
    """Return the head of an operation's log from its first, last, highest and final."""
    first, last, highest, final = row
    return Head(
        operation=operation, first=first, last=last, highest=highest, final=final
    )
