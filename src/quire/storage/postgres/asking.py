"""Questions of searches: planned for their values, and ended when they take too long."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import errors

from quire.ports.run_finder import SearchTooSlow
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.session import Row, Session


def ask(session: Session, text: str, values: Mapping[str, Any]) -> list[Row]:
    """Return all rows of a query, planned for the very values that it binds.

    A plan that was made once for all values knows of none how common it is.
    """
    cursor = session.connection.execute(text.encode(), values, prepare=False)
    return cursor.fetchall()


@contextlib.contextmanager
def limited(session: Session, seconds: float, *, alone: bool = False) -> Iterator[None]:
    """Let the statements within take only so long.

    Parameters
    ----------
    alone
        Whether what the transaction does afterwards must not suffer if they take
        longer.

    Raises
    ------
    SearchTooSlow
        They did.
    """
    keeping = alone or session.deciding
    savepoint = (
        session.connection.transaction() if keeping else contextlib.nullcontext()
    )
    try:
        with savepoint:
            session.row(sql.SETTINGS, (str(int(seconds * 1000)),))
            yield
            if keeping:
                session.row(sql.UNLIMITED)
    except errors.QueryCanceled:
        raise SearchTooSlow(seconds) from None
