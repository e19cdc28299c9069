"""How each inlet or outlet stands, and why one that fails does."""

from collections.abc import Callable, Sequence
from typing import Any

from quire.cli.output import moment, put_json, put_notes, put_table


def put_standing(
    what: str,
    headings: Sequence[str],
    line: Callable[[dict[str, Any]], Sequence[Any]],
    *,
    json: bool,
) -> list[dict[str, Any]]:
    """Show what stands under a name of the API; return it, unless it went as JSON.

    Parameters
    ----------
    line
        Makes a line of the table of one.
    """
    from quire.client.connection import Connection

    with Connection() as connection:
        found = connection.get(f"/api/v1/{what}")
    if json:
        put_json(found)
        return []
    all_of_them: list[dict[str, Any]] = found[what]
    put_table(headings, map(line, all_of_them))
    put_notes((one["name"], _words(one["trouble"])) for one in all_of_them)
    return all_of_them


def _words(trouble: dict[str, Any] | None) -> str:
    if trouble is None:
        return ""
    since, again = moment(trouble["since"]), moment(trouble["next_try"])
    return f"fails since {since}, is tried again at {again}: {trouble['error']}"
