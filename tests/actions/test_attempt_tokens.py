import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quire.access.principals import Scope
from quire.access.tokens import TokenUse
from quire.actions.attempt_tokens import AttemptTokens, TokensAndAttempts
from quire.actions.seeing import may_see
from quire.errors import Unauthenticated
from quire.jobs import transitions
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.testing.still_clock import StillClock

TOKENS = AttemptTokens("a secret")
JOB = str(uuid.uuid4())


@given(st.uuids().map(str), st.integers(1, 10**6))
def test_a_token_names_its_attempt(job: str, attempt: int) -> None:
    assert TOKENS.attempt_of(TOKENS.of(job, attempt)) == (job, attempt)


@given(st.integers(0, 60), st.characters())
@example(3, "\ud800")
def test_a_changed_token_is_refused(place: int, character: str) -> None:
    token = TOKENS.of(JOB, 1)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(Unauthenticated):
            TOKENS.attempt_of(changed)


@given(st.text())
def test_nonsense_is_refused(text: str) -> None:
    for token in (text, f"qa_{text}", f"qa_{text}.1.x"):
        with pytest.raises(Unauthenticated):
            TOKENS.attempt_of(token)


def test_another_server_makes_others() -> None:
    other = AttemptTokens("another secret")
    assert other.of(JOB, 1) != TOKENS.of(JOB, 1)
    with pytest.raises(Unauthenticated):
        TOKENS.attempt_of(other.of(JOB, 1))


async def test_it_reads_its_runs_as_long_as_it_lasts(
    store: Store, clock: StillClock
) -> None:
    queued = Job(id=JOB, kind="project", owner="me", phase=Phase.QUEUED, runs=("r",))
    tokens = TokensAndAttempts(store, clock, TOKENS)

    async def put(job: Job) -> None:
        def decision(tx: Transaction) -> None:
            tx.jobs.put(job)

        await store.decide(decision)

    await put(queued)
    with pytest.raises(Unauthenticated):
        await tokens.admit(TOKENS.of(JOB, 1), TokenUse.API)
    begun = transitions.claim(queued, now=1.0, lease=30.0)
    await put(begun)
    principal = await tokens.admit(TOKENS.of(JOB, 1), TokenUse.API)
    assert principal.scopes == {Scope.RUNS_READ}
    assert may_see(principal, Run(uid="r", owner="me"))
    assert not may_see(principal, Run(uid="s", owner="me"))
    for attempt, use in ((2, TokenUse.API), (1, TokenUse.SESSION)):
        with pytest.raises(Unauthenticated):
            await tokens.admit(TOKENS.of(JOB, attempt), use)
    await put(transitions.abort(begun, now=2.0))
    with pytest.raises(Unauthenticated):
        await tokens.admit(TOKENS.of(JOB, 1), TokenUse.API)
