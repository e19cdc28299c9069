"""The tokens in PostgreSQL."""

from quire.access.tokens import Token
from quire.storage.codec import Codec
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column

_CODEC = Codec(Token)
_GET = "SELECT record FROM token WHERE hash = %s"
_PUT = (
    "INSERT INTO token (hash, created, record) VALUES (%s, %s, %s)"
    " ON CONFLICT (hash) DO UPDATE SET"
    " created = excluded.created, record = excluded.record"
)
_REMOVE = "DELETE FROM token WHERE hash = %s"
_ALL = "SELECT record FROM token ORDER BY created, hash"


class PostgresTokens:
    """`quire.ports.token_records.TokenRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, token_hash: str) -> Token | None:
        """Return the token with this hash."""
        self._session.lock("token", token_hash)
        row = self._session.row(_GET, [to_column(token_hash)])
        return None if row is None else _CODEC.decode(row[0])

    def put(self, token: Token) -> None:
        """Store a token in place of what was there under its hash."""
        row = (to_column(token.hash), token.created, _CODEC.encode(token))
        self._session.run(_PUT, row)

    def remove(self, token_hash: str) -> None:
        """Forget a token; nothing happens if there is none."""
        self._session.run(_REMOVE, [to_column(token_hash)])

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        return tuple(_CODEC.decode(row[0]) for row in self._session.rows(_ALL))
