"""Watch all acquisitions: a table in a terminal, a line a change elsewhere."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.cli.progress import plain_wanted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from quire.client.daq import Acquisitions

_HEADINGS = ("acquisition", "state", "substate", "changed", "alerts")
_ROWS = 30
_OVER = frozenset({"Completed", "Aborted"})
_COLOURS = {"Completed": "green", "Aborted": "red"}

Show = Callable[[dict[str, Any]], None]


def watch_board(
    acquisitions: "Acquisitions",
    *,
    timeout: float | None = None,
    as_json: bool = False,
    plain: bool | None = None,
) -> Outcome:
    """Show the active acquisitions and every change, until the person goes away.

    Parameters are those of `quire.cli.watching.watch`.

    Raises
    ------
    ConnectionLost, Refused
        The server went away for good, or will not tell.
    """
    from quire.client.waiting import in_thread

    try:
        with ExitStack() as shown:
            show = put_json if as_json else _drawn(shown, plain=plain)
            for one in in_thread(acquisitions.changes(), timeout=timeout):
                show(one)
    except TimeoutError:
        return Outcome.TIMEOUT
    except KeyboardInterrupt:
        say("detached; to see them again: quire daq watch")
    return Outcome.INTERRUPTED


def alerts_of(status: dict[str, Any]) -> str:
    """Return in words what is wrong with an acquisition."""
    return "; ".join(
        f"{one['severity']}: {one['description']}" for one in status["alerts"]
    )


def _drawn(shown: ExitStack, *, plain: bool | None) -> Show:
    if plain_wanted() if plain is None else plain:
        return _line
    from rich.live import Live

    board = Board()
    live = shown.enter_context(Live(board.table(), console=_console()))

    def show(one: dict[str, Any]) -> None:
        board.take(one)
        live.update(board.table())

    return show


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


def _line(one: dict[str, Any]) -> None:
    alerts = alerts_of(one)
    behind = f"; {alerts}" if alerts else ""
    put(f"{one['timestamp']} {one['id']} {one['subState']}{behind}")


class Board:
    """The acquisitions that changed last; those that are over leave first."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def take(self, status: dict[str, Any]) -> None:
        """Take how one stands."""
        self._known.pop(status["id"], None)
        self._known[status["id"]] = status
        if len(self._known) > _ROWS:
            over = (one for one, now in self._known.items() if now["subState"] in _OVER)
            del self._known[next(over, next(iter(self._known)))]

    def table(self) -> "Table":
        """Return them as a table, the last to change below."""
        from rich.box import SIMPLE
        from rich.table import Table
        from rich.text import Text

        table = Table(*_HEADINGS, box=SIMPLE, pad_edge=False)
        for one in self._known.values():
            colour = "yellow" if one["error"] else _COLOURS.get(one["subState"], "")
            cells = (one["id"], one["state"], one["subState"], one["timestamp"])
            table.add_row(
                *(Text(cell, style=colour) for cell in (*cells, alerts_of(one)))
            )
        return table
