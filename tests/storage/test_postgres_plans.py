"""What PostgreSQL's planner must not be led into, where statistics are skewed or old."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
from tests.storage.test_postgres_finding import a_run, compare, deciding

from quire.documents.names import DocumentName
from quire.ports.outbox_records import Amount
from quire.ports.run_finder import RunOrder, Selection
from quire.runs.query.tree import And, Tree
from quire.runs.searchable import searchable
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.outbox import PostgresOutbox
from quire.storage.postgres.run_copying import copy_runs
from quire.storage.postgres.run_sql import STANDING
from quire.storage.postgres.session import Row, Session

RUNS = 6_000
KEPT = 20_000

OLD = compare("start.sample.name", "old")
NEW = compare("start.sample.name", "new")
WIDE = compare("start.sample.formula", "Cu")
WIDE_AND_OLD = And(parts=(WIDE, OLD))


class _Explaining(Session):
    """A session that keeps the plans of all that it asks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection, Changes(), deciding=False)
        self.plans: list[str] = []

    def rows(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Row]:
        explained = super().rows(f"EXPLAIN {text}", parameters)
        self.plans.append("\n".join(line for (line,) in explained))
        return super().rows(text, parameters)


@pytest.mark.parametrize("state", ["never analyzed", "analyzed", "skewed"])
def test_documents_of_a_run_go_out_by_its_index(postgres_url: str, state: str) -> None:
    """Also where one run has half of the blocks."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE block SET (autovacuum_enabled = off)")
        connection.execute("ALTER TABLE adopted SET (autovacuum_enabled = off)")
        share = 2 if state == "skewed" else 10**9
        # Every `share`-th row is of one run; the others are of runs of ten.
        for table, columns, values in (
            ("block", "run, directory, body", r"'\x90', ''"),
            ("adopted", "run, number", "n"),
        ):
            filled = (
                f"INSERT INTO {table} ({columns}) SELECT CASE WHEN n % {share} = 1"  # noqa: S608
                " THEN 'large' ELSE 'run ' || n / 10 END::bytea,"
                f" {values} FROM generate_series(1, {KEPT}) AS n"
            )
            connection.execute(filled.encode())
        if state != "never analyzed":
            connection.execute("ANALYZE block, adopted")
        session = _Explaining(connection)
        found = PostgresOutbox(session).of_run(
            "absent", 0, {DocumentName.EVENT}, Amount()
        )
        assert found == ()
        # A change of a run asks whether others have added documents to it.
        asked = {"key": b"absent", "run": b"absent", "block": 9, "adopted": 9}
        assert session.rows(STANDING, asked) == []
    for told in session.plans[-1], "\n".join(session.plans[:-1]):
        for index in ("block_run", "adopted_run"):
            assert index in told, told
        assert "Seq Scan" not in told, told


@pytest.fixture(scope="module")
def skewed(postgres_template: Any) -> Any:
    """Return a database whose statistics are those of its first half.

    The newest half came after they were made; what is common in one half is rare, or
    is not at all, in the other.
    """
    from quire.testing.postgres.fixtures import copied

    with copied(postgres_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE run_view SET (autovacuum_enabled = off)")
            connection.execute("ALTER TABLE run SET (autovacuum_enabled = off)")
        for half in (0, 1):
            runs = [
                a_run(
                    f"{half}-{number:05}",
                    1e9 + half * 1e6 + number,
                    sample={
                        "name": ("old", "new")[half] if number % 50 else "both",
                        "formula": "Cu",
                    },
                    scan_id=number,
                )
                for number in range(RUNS)
            ]
            with deciding(url) as tx:
                copy_runs(tx.session, searchable, runs)
                while tx.run_index.feed(1_000):
                    pass
            if not half:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute("VACUUM ANALYZE")
        yield url


def _expected(where: Tree, limit: int) -> list[str]:
    names = {OLD: ("0", False), NEW: ("1", False), WIDE_AND_OLD: ("0", False)}
    half, _ = names[where]
    numbers = [number for number in reversed(range(RUNS)) if number % 50]
    return [f"{half}-{number:05}" for number in numbers[:limit]]


@pytest.mark.parametrize(
    "where", [OLD, NEW, WIDE_AND_OLD], ids=["once common", "unknown yet", "both"]
)
def test_old_statistics_cost_no_walk_through_everything(
    skewed: str, where: Tree
) -> None:
    selection = Selection(where=where)
    with deciding(skewed) as tx:
        plan = "\n".join(tx.finder.explain(selection, RunOrder.NEWEST))
        page = tx.finder.page(selection, RunOrder.NEWEST, None, 20)
        assert [run.uid for run in page] == _expected(where, 20)
        assert "Seq Scan" not in plan, plan
        counted = tx.finder.count(selection, 100)
        assert counted.matched == 100


def test_a_rare_value_of_new_runs_is_found_by_its_term(skewed: str) -> None:
    """The statistics know nothing of it, and the order by time is tempting."""
    where = compare("scan_id", RUNS + 5)
    fresh = a_run("2-fresh", 5e8, scan_id=RUNS + 5, sample={"name": "fresh"})
    with deciding(skewed) as tx:
        copy_runs(tx.session, searchable, [fresh])
        while tx.run_index.feed(1_000):
            pass
        for tree, index in (
            (where, "run_view_scan_id"),
            (compare("start.sample.name", "fresh"), "run_view_terms"),
        ):
            plan = "\n".join(tx.finder.explain(Selection(where=tree), RunOrder.NEWEST))
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan
            page = tx.finder.page(Selection(where=tree), RunOrder.NEWEST, None, 20)
            assert [run.uid for run in page] == ["2-fresh"]
        tx.session.connection.execute("ROLLBACK")
        tx.session.connection.execute("BEGIN")
