"""Runs are kept and paged by PostgreSQL as in memory."""

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.storage.test_postgres_finding import Parts

from quire.ports.run_records import RunQuery
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.memory.journal import Journal
from quire.storage.memory.records import MemoryRuns
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.session import Session

UIDS = st.sampled_from(["0-f", "0-g", "0", "zebra", "é\0", "\U0010ffff", ""])


TIMES = st.sampled_from([None, 1.0, 1.0, 2.0, float("nan")])


PUTS = st.lists(
    st.builds(
        Run,
        uid=UIDS,
        time=TIMES,
        scan_id=st.sampled_from([None, 1, 2**70]),
        owner=st.sampled_from("ab"),
        lease_until=st.sampled_from([1.0, 2.0]),
        interrupted=st.booleans(),
    ),
    max_size=8,
)


QUERIES = st.builds(
    RunQuery,
    limit=st.integers(0, 6),
    visible=st.sampled_from([None, frozenset({"user:a"})]),
    before=st.none() | st.tuples(TIMES, UIDS),
    scan_id=st.sampled_from([None, None, 1, 2**70]),
    prefix=st.builds(lambda uid, end: uid[:end], UIDS, st.sampled_from([0, 1, 9])),
    lapsed_at=st.sampled_from([None, 2.0]),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(puts=PUTS, queries=st.lists(QUERIES, min_size=3, max_size=6))
def test_runs_are_kept_and_paged_as_in_memory(
    postgres_url: str, puts: list[Run], queries: list[RunQuery]
) -> None:
    memory = MemoryRuns(Journal())
    with psycopg.connect(postgres_url) as connection:
        tx = Parts(Session(connection, Changes(), deciding=True), searchable)
        for run in puts:
            tx.runs.put(run)
            memory.put(run)
        seen = Parts(Session(connection, Changes(), deciding=False), searchable)
        for run in puts:
            assert repr(seen.runs.get(run.uid)) == repr(memory.get(run.uid))
            assert repr(tx.runs.get(run.uid)) == repr(memory.get(run.uid))
        for query in queries:
            assert repr(seen.runs.page(query)) == repr(memory.page(query))
        connection.rollback()
