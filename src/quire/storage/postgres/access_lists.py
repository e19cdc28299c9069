"""Access lists in PostgreSQL: few, shared by many runs, known by a small number."""

import hashlib

import msgspec

from quire.access.visibility import Audience, Keys
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session

_MOST_KNOWN = 10_000


class AccessLists:
    """The access lists as one session sees them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[bytes, int] = {}
        self._made: dict[bytes, str] = {}

    def number(self, audience: Audience) -> int:
        """Return the number of a list, made if it is new."""
        digest = hashlib.sha256(msgspec.json.encode(audience)).digest()
        known = self._known.get(digest)
        if known is not None:
            return known
        number, transaction = self._found(digest) or self._make(digest, audience)
        if self._made.get(digest) != transaction and len(self._known) < _MOST_KNOWN:
            # Once committed a list never changes, nor does its number.
            self._known[digest] = number
            self._made.pop(digest, None)
        return number

    def _found(self, digest: bytes) -> tuple[int, str] | None:
        row = self._session.row(sql.ACCESS_GET, (digest,))
        return None if row is None else (int(row[0]), str(row[1]))

    def _make(self, digest: bytes, audience: Audience) -> tuple[int, str]:
        self._session.lock("access", digest.hex())
        members = [to_key(key) for key in audience]
        row = self._session.row(sql.ACCESS_PUT, (digest, members))
        if row is None:  # somebody else has made it since
            return self._found(digest) or self._make(digest, audience)
        self._made[digest] = str(row[1])
        return int(row[0]), str(row[1])

    def admitting(self, keys: Keys) -> tuple[int, ...] | None:
        """Return the lists that let one of the keys in, None for every list."""
        if keys is None:
            return None
        held = [to_key(key) for key in sorted(keys)]
        return tuple(
            one for (one,) in self._session.rows(sql.ACCESS_ADMITTING, (held,))
        )
