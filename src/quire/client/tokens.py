"""Tokens that admit people and programs."""

from typing import Any
from urllib.parse import quote

from quire.client.connection import Connection

PATH = "/api/v1/tokens"


def create(
    connection: Connection, name: str, *, scopes: list[str], expires: float | None
) -> dict[str, Any]:
    """Return a new token with its secret, which is told only now.

    Parameters
    ----------
    name
        The principal that it stands for.
    expires
        Unix seconds, None for never.
    """
    body = {"name": name, "scopes": scopes, "expires": expires}
    made: dict[str, Any] = connection.post(PATH, body)
    return made


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return the tokens without their secrets."""
    return list(connection.get(PATH)["tokens"])


def revoke(connection: Connection, which: str) -> None:
    """Let a token admit nobody any more."""
    connection.ask("DELETE", f"{PATH}/{quote(which, safe='')}")
