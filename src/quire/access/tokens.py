"""Tokens: 256 random bits, of which only a hash is stored."""

import hashlib
from enum import StrEnum

import msgspec

from quire.access.principals import Principal, Scope

SECRET_PREFIX = "qt_"  # noqa: S105 - what ours begin with


class TokenUse(StrEnum):
    """What a token is for."""

    API = "api"
    SESSION = "session"
    LOGIN = "login"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a token.

    Attributes
    ----------
    hash
        SHA-256 of the token's text, hexadecimal.
    expires
        Unix seconds, None for never.
    service
        The service that asks with it in that name, empty for none.
    parent
        Of a session and of what begins one: the hash of the token without which it is
        good for nothing. Empty for none.
    """

    hash: str
    use: TokenUse
    name: str
    groups: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()
    created: float = 0.0
    expires: float | None = None
    service: str = ""
    parent: str = ""

    def principal(self) -> Principal:
        """Return who holds it."""
        return Principal(
            name=self.name,
            groups=self.groups,
            scopes=frozenset(self.scopes),
            service=self.service,
            token=self.parent or self.hash,
        )

    def live(self, now: float) -> bool:
        """Return whether it is still good."""
        return self.expires is None or now < self.expires


def token_hash(secret: str) -> str:
    """Return the hash under which a token's secret is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
