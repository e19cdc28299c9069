"""Where stores are: a folder for SQLite, a URL for PostgreSQL."""

from pathlib import Path

from quire.errors import InputError
from quire.runs.searchable import Describe
from quire.storage.moving.sides import Destination

_SCHEMES = ("postgresql://", "postgres://")


def is_database(place: str) -> bool:
    """Return whether a place is a PostgreSQL database."""
    return place.startswith(_SCHEMES)


def check_place(place: str, field: str) -> None:
    """Refuse a place that shows a password, or that nothing here can reach.

    Raises
    ------
    InputError
        So it is, or it is empty; names the field.
    """
    if not place:  # as of a variable that is not set: it would be the working folder
        raise InputError(field, "is empty", "name a folder or a URL")
    if not is_database(place):
        return
    try:
        from quire.storage.postgres.target import refuse_password
    except ModuleNotFoundError as missing:
        raise InputError(
            field, f"needs {missing.name}", "pip install 'quire[postgres]'"
        ) from None
    refuse_password(place, field)


def open_side(
    place: str, describe: Describe, *, writing: bool, password: str = ""
) -> Destination:
    """Open a store to move from or to.

    Parameters
    ----------
    password
        Of the database, where it is neither in the environment nor in a file.

    Raises
    ------
    InputError
        There is no store, or the place is none.
    StoreUnavailable
        It cannot be reached or, if it is to be written, a server uses it.
    """
    if not is_database(place):
        from quire.storage.moving.sqlite_side import SqliteSide

        return SqliteSide(Path(place), describe, writing=writing)
    field = "destination" if writing else "source"
    check_place(place, field)
    from quire.storage.moving.postgres_side import PostgresSide
    from quire.storage.postgres.target import Target

    target = Target(place, password=password, field=field)
    return PostgresSide(target, describe, writing=writing)
