"""Tokens in the store."""

from typing import Protocol

from quire.access.tokens import Token


class TokenRecords(Protocol):
    """The tokens, known by the hash of their secret."""

    def get(self, token_hash: str) -> Token | None:
        """Return the token with this hash."""
        ...

    def put(self, token: Token) -> None:
        """Store a token in place of what was there under its hash."""
        ...

    def remove(self, token_hash: str) -> None:
        """Forget a token; nothing happens if there is none."""
        ...

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        ...
