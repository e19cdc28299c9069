"""Many new runs at once, by COPY: for moving stores and for benchmarks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from quire.access.visibility import audience
from quire.runs.run import Run
from quire.runs.searchable import Describe, Searchable
from quire.storage.codec import Codec
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.access_lists import AccessLists
from quire.storage.postgres.changes import RUNS
from quire.storage.postgres.field_values import FieldValues
from quire.storage.postgres.run_columns import facts, lease, run_columns
from quire.storage.postgres.session import Session

_CODEC = Codec(Run)
_VIEW = (
    "run",
    "newest",
    "experiment",
    "number",
    "access",
    "scan_id",
    "uid",
    "facets",
    "terms",
    "view",
)


def copy_runs(session: Session, describe: Describe, runs: Iterable[Run]) -> int:
    """Store runs of which none is there yet; return how many.

    Some thousands at a time are best: they are held in memory.

    Raises
    ------
    psycopg.errors.UniqueViolation
        One was there. The transaction is lost.
    """
    given = list(runs)
    session.lock("run", *(run.uid for run in given))
    numbers = [number for (number,) in session.rows(sql.NEW_NUMBERS, (len(given),))]
    for run in given:
        session.key(run.uid)
    found = [describe(run) for run in given]
    lists = _access(session, given)
    columns = [
        {**run_columns(run, each), "run": number, "access": access}
        for number, run, each, access in zip(numbers, given, found, lists, strict=True)
    ]
    session.copy(
        "run (id, uid, events, facts, record)",
        (
            (one["run"], one["uid"], one["events"], facts(run), _CODEC.encode(run))
            for one, run in zip(columns, given, strict=True)
        ),
    )
    session.copy(
        "run_view (run, newest, experiment, number, access, scan_id, uid, facets,"
        " terms, view)",
        (tuple(one[name] for name in _VIEW) for one in columns),
    )
    leases = zip(numbers, map(lease, given), strict=True)
    session.copy(
        "run_lease (run, until)",
        ((one, until) for one, until in leases if until is not None),
    )
    _count(session, found, lists)
    values = FieldValues(session)
    if fields := values.wanted():
        values.put(fields, dict(zip(numbers, found, strict=True)))
    session.changes.touch(RUNS)
    return len(given)


def _access(session: Session, runs: Sequence[Run]) -> list[int]:
    lists = AccessLists(session)
    known: dict[Any, int] = {}
    numbers = []
    for run in runs:
        seen_by = audience(run.owner, run.start_document())
        if seen_by not in known:
            known[seen_by] = lists.number(seen_by)
        numbers.append(known[seen_by])
    return numbers


def _count(session: Session, found: Sequence[Searchable], lists: Sequence[int]) -> None:
    counted = Counter(
        (field, value, access)
        for each, access in zip(found, lists, strict=True)
        for field, value in set(each.facets)
    )
    rows = [(*key, runs) for key, runs in sorted(counted.items())]
    if rows:
        session.run(
            sql.FACET_CHANGE, [list(column) for column in zip(*rows, strict=True)]
        )
