"""Start, look at and delete labs."""

from typing import Any
from urllib.parse import quote

from quire.client.connection import Connection

PATH = "/api/v1/labs"
MINE = "-"


def create(connection: Connection, *, size: str = "", run: str = "") -> dict[str, Any]:
    """Begin to start one's lab, and return it; its id is its operation's.

    Parameters
    ----------
    size
        What it may use; empty for the usual size.
    run
        uid of a run for which it is to have a notebook.
    """
    made: dict[str, Any] = connection.post(PATH, {"size": size, "run": run})
    return made


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return everybody's labs."""
    return list(connection.get(PATH)["labs"])


def show(connection: Connection, user: str = MINE) -> dict[str, Any]:
    """Return a lab; one's own with the address that lets one in (`login`)."""
    found: dict[str, Any] = connection.get(_place(user))
    return found


def delete(connection: Connection, user: str = MINE) -> None:
    """Delete a lab; returns once nothing is left of it."""
    connection.ask("DELETE", _place(user))


def _place(user: str) -> str:
    return f"{PATH}/{quote(user, safe='')}"
