"""Tokens that admit people and programs."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from quire.client.connection import Connection

PATH = "/api/v1/tokens"


def create(
    connection: Connection,
    user: str,
    *,
    scopes: Sequence[str] = (),
    lifetime: float | None = None,
    service: str = "",
    groups: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a new token with its secret, which is told only now.

    Parameters
    ----------
    user
        The principal that it stands for, empty for our own.
    scopes
        What it admits to, by default all that we may.
    lifetime
        Seconds, None for ever.
    service
        The service that asks in the user's name, empty for none.
    groups
        Groups whose runs it may see.
    """
    body = {
        "user": user,
        "scopes": list(scopes),
        "lifetime": lifetime,
        "service": service,
        "groups": list(groups),
    }
    made: dict[str, Any] = connection.post(PATH, body)
    return made


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return the tokens without their secrets."""
    return list(connection.get(PATH)["tokens"])


def revoke(connection: Connection, which: str) -> None:
    """Let a token admit nobody any more."""
    connection.ask("DELETE", f"{PATH}/{quote(which, safe='')}")
