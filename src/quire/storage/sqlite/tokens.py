"""The tokens in SQLite."""

import apsw

from quire.access.tokens import Token
from quire.storage.codec import Codec
from quire.storage.sqlite import sql

_CODEC = Codec(Token)


class SqliteTokens:
    """`quire.ports.token_records.TokenRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, token_hash: str) -> Token | None:
        """Return the token with this hash."""
        row = self._connection.execute(sql.TOKEN_GET, (token_hash,)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, token: Token) -> None:
        """Store a token in place of what was there under its hash."""
        self._connection.execute(
            sql.TOKEN_PUT, (token.hash, token.created, _CODEC.encode(token))
        )

    def remove(self, token_hash: str) -> None:
        """Forget a token; nothing happens if there is none."""
        self._connection.execute(sql.TOKEN_REMOVE, (token_hash,))

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        rows = self._connection.execute(sql.TOKEN_ALL)
        return tuple(_CODEC.decode(row[0]) for row in rows)
