import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from quire.documents.names import DocumentName
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.document_records import Arrival, StoredDocument
from quire.ports.job_records import JobQuery
from quire.ports.run_records import RunQuery
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore

UIDS = st.sampled_from(
    [
        "00000000-0000-0000-0000-000000000001",
        "00000000-0000-0000-0000-00000000000f",
        "00000000-0000-0000-0000-00000000000g",
        "0",
        "zebra",
        "é\0",
    ]
)
TIMES = st.sampled_from([None, 1.0, 1.0, 2.0])
KEYS = st.integers(0, 5)
RUNS = st.builds(
    Run,
    uid=UIDS,
    time=TIMES,
    scan_id=st.sampled_from([None, 1, 2**70]),
    owner=st.sampled_from("ab"),
    lease_until=st.sampled_from([1.0, 2.0]),
    interrupted=st.booleans(),
)
JOBS = st.builds(
    Job,
    id=UIDS,
    kind=st.sampled_from(["wait", "merge"]),
    owner=st.sampled_from("ab"),
    phase=st.sampled_from([Phase.QUEUED, Phase.EXECUTING]),
    created=st.sampled_from([1.0, 2.0]),
    not_before=st.sampled_from([1.0, 2.0]),
    runs=st.lists(UIDS, max_size=2).map(tuple),
)
ARRIVALS = st.lists(
    st.builds(
        Arrival,
        name=st.sampled_from(DocumentName),
        raw=st.binary(max_size=4),
        keys=st.lists(KEYS, min_size=1, max_size=3).map(tuple),
        anchor=st.sampled_from(["", "x", "y"]),
        waits_for=UIDS,
    ),
    max_size=3,
)
Act = Callable[[Transaction], Any]


def _plain(documents: tuple[StoredDocument, ...]) -> list[tuple[object, ...]]:
    # Numbers differ between stores; only their order is promised.
    return [(one.name, one.raw, one.keys, one.repeated) for one in documents]


def _find(run: str | None) -> Act:
    def find(transaction: Transaction) -> Any:
        found = transaction.documents.find(run, range(6))
        return {key: _plain(value) for key, value in found.items()}

    return find


def _append(run: str | None, arrivals: list[Arrival]) -> Act:
    return lambda t: t.documents.append(run, arrivals)


def _adopt(waits_for: str, run: str) -> Act:
    return lambda t: _plain(t.documents.adopt(waits_for, run))


def _put_run(run: Run) -> Act:
    return lambda t: t.runs.put(run)


def _put_job(job: Job) -> Act:
    return lambda t: t.jobs.put(job)


def _reserve(name: str, job: str) -> Act:
    return lambda t: t.jobs.reserve("space", name, job)


ACTS = st.one_of(
    st.builds(_find, st.none() | UIDS),
    st.builds(_append, st.none() | UIDS, ARRIVALS),
    st.builds(_adopt, UIDS, UIDS),
    st.builds(_put_run, RUNS),
    st.builds(_put_job, JOBS),
    st.builds(_reserve, UIDS, UIDS),
)
RUN_QUERIES = st.builds(
    RunQuery,
    limit=st.integers(0, 6),
    visible=st.sampled_from([None, frozenset({"user:a"})]),
    before=st.none() | st.tuples(TIMES, UIDS),
    scan_id=st.sampled_from([None, None, 1, 2**70]),
    prefix=st.builds(lambda uid, end: uid[:end], UIDS, st.sampled_from([0, 1, 9, 36])),
    lapsed_at=st.sampled_from([None, 2.0]),
)
JOB_QUERIES = st.builds(
    JobQuery,
    limit=st.integers(0, 6),
    owner=st.sampled_from([None, "a"]),
    phases=st.sets(st.sampled_from([Phase.QUEUED, Phase.HELD])).map(frozenset),
    kind=st.sampled_from(["", "wait"]),
    run=st.just("") | UIDS,
    ready_at=st.sampled_from([None, 1.0]),
    before=st.none() | st.tuples(st.sampled_from([1.0, 2.0]), UIDS),
    oldest_first=st.booleans(),
)


class SqliteLikeMemory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = MemoryStore(doorbell=LocalDoorbell())
        self.sqlite = self.loop.run_until_complete(
            SqliteStore.open(Path(self.folder.name), doorbell=LocalDoorbell())
        )

    def teardown(self) -> None:
        self.loop.run_until_complete(self.sqlite.aclose())
        self.loop.close()
        self.folder.cleanup()

    def both(self, *, view: bool, act: Act) -> None:
        answers = []
        for store in (self.memory, self.sqlite):
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

    @rule(uid=UIDS)
    def look(self, uid: str) -> None:
        self.both(view=True, act=lambda t: _plain(tuple(t.documents.of_run(uid))))
        self.both(view=True, act=_find(uid))
        self.both(view=True, act=lambda t: (t.runs.get(uid), t.jobs.get(uid)))
        self.both(view=True, act=lambda t: [t.documents.run_of(one) for one in "xy"])


TestSqliteLikeMemory = SqliteLikeMemory.TestCase
TestSqliteLikeMemory.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None
)
