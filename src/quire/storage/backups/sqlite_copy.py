"""A copy of the SQLite database, consistent while its server writes."""

import os
from pathlib import Path
from typing import cast

import apsw

from quire.errors import StoreUnavailable
from quire.products.product import Product
from quire.storage.codec import Codec
from quire.storage.sqlite.connection import STORE_ERRORS, open_reader
from quire.storage.sqlite.half_copy import refuse_half
from quire.storage.sqlite.store import FILE_NAME

NAME = FILE_NAME
_PRODUCT = Codec(Product)


def copy_database(data_folder: Path, destination: Path) -> None:
    """Write what the database holds now into a new file, durably.

    It is read in one transaction (``VACUUM INTO``): whatever was acknowledged before
    it began is in the copy, and the server is not held up.

    Raises
    ------
    StoreUnavailable
        It cannot be read, a move to it was not ended, or the copy cannot be written.
    """
    source = data_folder / FILE_NAME
    if not source.is_file():
        raise StoreUnavailable(f"{data_folder} holds no {FILE_NAME}")
    refuse_half(data_folder)
    connection = open_reader(source)
    try:
        connection.pragma("query_only", value=False)
        connection.execute("VACUUM INTO ?", (str(destination),))
    except (*STORE_ERRORS, apsw.SQLError) as problem:
        raise StoreUnavailable(f"the database cannot be copied: {problem}") from problem
    finally:
        connection.close()
    with destination.open("rb") as file:
        os.fsync(file.fileno())


def check(file: Path) -> str:
    """Return what is wrong with a database, empty if nothing is."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = connection.pragma("integrity_check")
    except STORE_ERRORS as problem:
        return str(problem)
    finally:
        connection.close()
    return "" if found == "ok" else str(found)


def products(file: Path) -> list[Product]:
    """Return the products of a database."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = connection.execute("SELECT record FROM product").fetchall()
    finally:
        connection.close()
    return [_PRODUCT.decode(cast("bytes", record)) for (record,) in rows]
