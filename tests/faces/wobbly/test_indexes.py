"""W12: what is asked of the store is answered from an index."""

from pathlib import Path

import apsw
import pytest

from quire.jobs.phases import Phase
from quire.ports.job_numbers import NumberQuery
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite import job_number_sql, job_numbers
from quire.storage.sqlite.store import FILE_NAME, SqliteStore

ERRORS = frozenset({Phase.ERROR})


@pytest.fixture
async def connection(tmp_path: Path) -> apsw.Connection:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    await store.aclose()
    return apsw.Connection(str(tmp_path / FILE_NAME), flags=apsw.SQLITE_OPEN_READONLY)


@pytest.mark.parametrize(
    "query",
    [
        NumberQuery(limit=9, service="s", owner="a"),
        NumberQuery(limit=9, service="s", owner="a", oldest_first=True),
        NumberQuery(limit=9, service="s", owner="a", phases=ERRORS),
        NumberQuery(limit=9, service="s", owner="a", phases=ERRORS, since=1.0),
        NumberQuery(limit=9, service="s", owner="a", begin=(1.0, 1)),
        NumberQuery(limit=9, service="s", owner="a", phases=ERRORS | {Phase.ABORTED}),
        NumberQuery(limit=9),
    ],
)
def test_lists_walk_an_index(connection: apsw.Connection, query: NumberQuery) -> None:
    numbers = job_numbers.SqliteJobNumbers(connection)
    branches, bindings = numbers._branches(query)
    conditions, more = job_numbers._conditions(query)
    text = job_number_sql.page(branches, conditions, oldest_first=query.oldest_first)
    plan = [
        row[3]
        for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", bindings | more)
    ]
    assert not [step for step in plan if "TEMP B-TREE" in step], plan
    assert not [step for step in plan if step == "SCAN job"], plan


def test_a_job_is_found_by_an_index(connection: apsw.Connection) -> None:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {job_number_sql.FIND}", (1,))
    assert "job_number" in next(rows)[3]
