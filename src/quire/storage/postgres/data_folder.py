"""Servers of one database share one data folder: products and results lie there."""

import contextlib
import os
import secrets
import socket
import time
from pathlib import Path

import psycopg

from quire.errors import StoreUnavailable
from quire.storage.postgres.session import Row, number_of

_NAME = "folder-id"
_AT_WORK = "SELECT pg_advisory_lock_shared(%s)"
_ONE_AFTER_THE_OTHER = "SELECT pg_advisory_xact_lock(%s)"
_NOBODY_AT_WORK = "SELECT pg_try_advisory_xact_lock(%s)"
_PATIENT = "SET LOCAL lock_timeout = 0"
_GET = "SELECT id, place FROM data_folder"
_CLEAR = "DELETE FROM data_folder"
_ENDING = 2.0  # seconds
_PAUSE = 0.02
_PUT = "INSERT INTO data_folder (id, place) VALUES (%s, %s)"


class DataFolder:
    """The folder of one server, known again by a file in it.

    Parameters
    ----------
    path
        Where it is; the file is made if missing.
    """

    def __init__(self, path: Path) -> None:
        place = f"{socket.gethostname()}:{path.absolute()}"
        self.place = place.encode(errors="backslashreplace").decode()
        self.id = _id_of(path)

    def claim(self, connection: psycopg.Connection[Row]) -> None:
        """Have this be the folder of the database for as long as the connection lasts.

        Raises
        ------
        StoreUnavailable
            Servers are at work that have another.
        """
        connection.execute(_AT_WORK, [_number(self.id)])
        with connection.transaction():
            connection.execute(_PATIENT)
            connection.execute(_ONE_AFTER_THE_OTHER, [number_of("data folder", None)])
            row = connection.execute(_GET).fetchone()
            if row is not None and row[0] == self.id:
                return
            if row is not None and not _free(connection, row[0]):
                raise StoreUnavailable(
                    f"servers at work on this database have the data folder {row[1]},"
                    f" this one has {self.place}: give all of them the same, for"
                    " results and products lie there"
                )
            connection.execute(_CLEAR)
            connection.execute(_PUT, [self.id, self.place])


def _id_of(path: Path) -> str:
    """Return what is written in a folder, the same for all who ask at once."""
    file = path / _NAME
    if not file.exists():
        part = path / f".{_NAME}.{secrets.token_hex(8)}"
        with part.open("x", encoding="ascii") as written:
            written.write(secrets.token_hex(16))
            written.flush()
            os.fsync(written.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, file)  # as a whole, and by one of them
        part.unlink()
    return file.read_text(encoding="ascii")


def _free(connection: psycopg.Connection[Row], folder: str) -> bool:
    """Return whether nobody has a folder any more.

    A connection that was closed has its locks until the database has noticed.
    """
    give_up = time.monotonic() + _ENDING
    while connection.execute(_NOBODY_AT_WORK, [_number(folder)]).fetchone() != (True,):
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE)
    return True


def _number(folder: str) -> int:
    return number_of("data folder", folder)
