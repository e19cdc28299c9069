"""`quire migrate`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json, put_table
from quire.errors import InputError, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from quire.storage.moving.move import Moved
    from quire.storage.moving.sides import Destination

_EVERY = 1.0  # seconds between two lines


def migrate(
    source: Annotated[
        str, typer.Argument(help="A data folder, or postgresql://user@host/name.")
    ],
    destination: Annotated[
        str, typer.Argument(help="The other of the two; new, or of an earlier try.")
    ],
    *,
    wait: Annotated[
        float,
        typer.Option(min=0.0, help="Seconds to wait for the source's server to end."),
    ] = 0.0,
    json: Json = False,
) -> None:
    """Copy all records between SQLite and PostgreSQL, and compare every one.

    The source may be in use: it is followed, until its server ends. Repeat it after
    anything that went wrong: it goes on from there. Files beside the records stay in
    the data folder, which the next server is given, too.
    """
    from quire.storage.moving.move import move
    from quire.storage.moving.places import check_place, is_database

    if is_database(source) == is_database(destination):
        raise InputError(
            "destination", "is of the same kind as the source", "one folder, one URL"
        )
    for field, place in (("source", source), ("destination", destination)):
        check_place(place, field)
    begun = time.monotonic()
    with _side(source, writing=False) as one, _side(destination, writing=True) as other:
        try:
            moved = move(one, other, told=_Lines(), waiting=_Once(), wait=wait)
        except StoreUnavailable as problem:
            say(f"quire: copied so far; {problem}")
            mend = "make room" if isinstance(problem, StoreFull) else "stop the server"
            say(f"quire: {mend}, then repeat the command to copy the rest")
            raise typer.Exit(Outcome.BLOCKED) from problem
    _show(moved, time.monotonic() - begun, json=json)


def _show(moved: "Moved", seconds: float, *, json: bool) -> None:
    if json:
        put_json({"moved": moved, "seconds": round(seconds, 3)})
        return
    put_table(
        ("what", "rows", "SHA-256"),
        [(one.kind, one.rows, one.digest[:16]) for one in moved.kinds if one.rows],
    )
    put(f"{moved.destination} is equal to {moved.source}, after {seconds:.1f} s")


@contextmanager
def _side(place: str, *, writing: bool) -> "Iterator[Destination]":
    from quire.config import Settings
    from quire.storage.moving.describing import ByKeys
    from quire.storage.moving.places import is_database, open_side

    # What the folder's own file says of the numbers of runs and of the password.
    folder = None if is_database(place) else place
    settings = Settings.load(data_folder=folder)
    side = open_side(
        place,
        ByKeys(settings.numbers.experiment, settings.numbers.run),
        writing=writing,
        password=settings.database.password,
    )
    try:
        yield side
    finally:
        side.close()


class _Lines:
    """One line a second on stderr."""

    def __init__(self) -> None:
        self._kind = ""
        self._rows = 0
        self._next = time.monotonic() + _EVERY

    def __call__(self, kind: str, rows: int) -> None:
        if kind != self._kind:
            self._kind, self._rows = kind, 0
        self._rows += rows
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            sys.stderr.write(f"{self._kind}: {self._rows:,} rows\n")
            sys.stderr.flush()


class _Once:
    """Says why it waits, once."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            say(f"quire: all is copied; waiting, for {reason}")
