"""What `quire doctor` says of a PostgreSQL database."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from quire.cli.checks import Check
from quire.errors import QuireError

if TYPE_CHECKING:
    from quire.config import DatabaseSettings
    from quire.storage.postgres.examining import Examined

_FOR_A_SERVER = 10  # connections
_LOCKS = 256


def database_checks(database: "DatabaseSettings") -> Iterator[Check]:
    """Yield what holds of a database, and what it is to be given."""
    try:
        from quire.storage.postgres.examining import examine
        from quire.storage.postgres.target import Target
    except ModuleNotFoundError as missing:
        promise = "Nothing can be kept there; pip install 'quire[postgres]'."
        needs = f"needs {missing.name}"
        yield Check(name="database", good=False, found=needs, promise=promise)
        return
    try:
        found = examine(Target(database.url, password=database.password))
    except QuireError as problem:
        promise = "No server starts on it."
        yield Check(name="database", good=False, found=str(problem), promise=promise)
        return
    yield _database(found)
    yield _schema(found)
    yield _connections(found)
    yield _locks(found)
    yield _clock(found)


def _database(found: "Examined") -> Check:
    promise = (
        "What is acknowledged is on its disk, as far as its disk tells the truth."
        if found.may_create
        else "The role may make no tables: ALTER DATABASE NAME OWNER TO ROLE."
    )
    return Check(
        name="database",
        good=found.may_create,
        found=f"PostgreSQL {found.version}",
        promise=promise,
    )


def _schema(found: "Examined") -> Check:
    at_work = f"; servers at work: {found.servers}"
    known = f"this version knows {found.newest}"
    if found.schema is None:
        told, promise = "none", "The first server makes the tables."
    elif found.schema < found.newest:
        told = f"{found.schema}, {known}"
        promise = "The next server of this version that starts makes the other steps."
        if found.servers:
            promise += " What older servers need goes once none of them is at work."
    elif found.schema > found.newest:
        told = f"{found.schema}, {known}"
        promise = "A newer Quire is at work; this one can still serve beside it."
    else:
        told, promise = str(found.schema), "It is that of this version."
    return Check(name="schema", good=True, found=told + at_work, promise=promise)


def _connections(found: "Examined") -> Check:
    left = found.most_connections - found.connections
    good = left >= _FOR_A_SERVER
    promise = (
        f"There is room for {left // _FOR_A_SERVER} more servers."
        if good
        else f"A server needs {_FOR_A_SERVER}: raise max_connections."
    )
    told = f"{found.connections} of {found.most_connections}"
    return Check(name="connections", good=good, found=told, promise=promise)


def _locks(found: "Examined") -> Check:
    good = found.locks >= _LOCKS or found.servers <= 1
    promise = (
        "Commits of many decisions find theirs."
        if good
        else f"For so many servers set max_locks_per_transaction to {_LOCKS}."
    )
    told = f"{found.locks} for each transaction"
    return Check(name="locks", good=good, found=told, promise=promise)


def _clock(found: "Examined") -> Check:
    from quire.storage.postgres.clocks import MOST_SKEW

    good = abs(found.skew) < MOST_SKEW
    promise = (
        "Leases of attempts and runs end when they should."
        if good
        else "Leases end too soon or too late: set both clocks, by NTP."
    )
    ahead = "ahead of" if found.skew > 0 else "behind"
    told = f"{abs(found.skew):.3f} s {ahead} this machine's"
    return Check(name="database's clock", good=good, found=told, promise=promise)
