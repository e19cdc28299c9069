"""The same acts on PostgreSQL and in memory, step by step."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.storage.test_sqlite_like_memory import (
    ACTS,
    JOB_QUERIES,
    RUN_QUERIES,
    UIDS,
    Act,
    _find,
    _plain,
)

from quire.ports.job_records import JobQuery
from quire.ports.run_records import RunQuery
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.postgres.store import PostgresStore
from quire.testing.postgres.fixtures import copied
from quire.testing.postgres.server import PostgresServer


def test_postgres_is_like_memory(  # noqa: C901  # its rules are small
    postgres_template: PostgresServer,
) -> None:
    class Alike(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.loop = asyncio.new_event_loop()
            self.database = copied(postgres_template)
            self.memory = MemoryStore(doorbell=LocalDoorbell())
            self.postgres = self.loop.run_until_complete(
                PostgresStore.open(
                    self.database.__enter__(), doorbell=LocalDoorbell(), readers=1
                )
            )

        def teardown(self) -> None:
            self.loop.run_until_complete(self.postgres.aclose())
            self.loop.close()
            self.database.__exit__()

        def both(self, *, view: bool, act: Act) -> None:
            answers = []
            for store in (self.memory, self.postgres):
                ask = store.view(act) if view else store.decide(act)
                try:
                    answers.append(self.loop.run_until_complete(ask))
                except ZeroDivisionError:
                    answers.append("raised")
            assert answers[0] == answers[1]

        @rule(acts=st.lists(ACTS, min_size=1, max_size=4), bad=st.booleans())
        def decide(self, acts: list[Act], bad: bool) -> None:
            def decision(transaction: Transaction) -> Any:
                answers = [act(transaction) for act in acts]
                if bad:
                    raise ZeroDivisionError
                return answers

            self.both(view=False, act=decision)

        @rule(query=RUN_QUERIES)
        def page_runs(self, query: RunQuery) -> None:
            self.both(view=True, act=lambda t: t.runs.page(query))

        @rule(query=JOB_QUERIES)
        def page_jobs(self, query: JobQuery) -> None:
            self.both(view=True, act=lambda t: t.jobs.page(query))

        @rule(query=RUN_QUERIES, jobs=JOB_QUERIES)
        def page_deciding(self, query: RunQuery, jobs: JobQuery) -> None:
            self.both(view=False, act=lambda t: (t.runs.page(query), t.jobs.page(jobs)))

        @rule(uid=UIDS)
        def look(self, uid: str) -> None:
            self.both(view=True, act=lambda t: _plain(tuple(t.documents.of_run(uid))))
            self.both(view=True, act=_find(uid))
            self.both(view=True, act=lambda t: (t.runs.get(uid), t.jobs.get(uid)))
            self.both(
                view=True, act=lambda t: [t.documents.run_of(one) for one in "xy"]
            )

    run_state_machine_as_test(
        Alike,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
