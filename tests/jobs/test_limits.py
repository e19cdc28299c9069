from pathlib import Path

import msgspec
import pytest

from quire.config import Settings
from quire.errors import InputError
from quire.jobs.job import Job
from quire.jobs.limits import Excess, KindLimits, Limits, QuotaExceeded
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy, after_cut_off, after_excess

RUNNING = Job(id="j", kind="wait", owner="me", phase=Phase.EXECUTING, attempt=1)


def test_a_kind_without_a_table_has_the_servers_memory() -> None:
    limits = KindLimits({"wait": Limits(processes=3)}, memory=2**30)
    assert (limits.of("wait").memory, limits.of("wait").processes) == (2**30, 3)
    assert limits.of("other") == Limits(memory=2**30)
    assert KindLimits({"wait": Limits(memory=0)}, memory=2**30).of("wait").memory == 0


@pytest.mark.parametrize(
    ("limits", "field"),
    [(Limits(cpu_seconds=0.5), "cpu_seconds"), (Limits(memory=1000), "memory")],
)
def test_what_no_work_can_live_with_is_refused(limits: Limits, field: str) -> None:
    with pytest.raises(InputError, match=f"kinds.wait.{field}"):
        KindLimits({"wait": limits})


def test_limits_of_no_kind_are_refused() -> None:
    limits = KindLimits({"wiat": Limits()})
    with pytest.raises(InputError, match=r"kinds\.wiat.*wait"):
        limits.check_names({"wait": None})


@pytest.mark.parametrize("field", ["processes", "wall_clock", "concurrency", "retries"])
def test_nothing_is_less_than_nothing(field: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({field: -1}, Limits)


def test_tables_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "quire.toml").write_text(
        "[kinds.wait]\nprocesses = 4\ncpu_seconds = 2.5\npriority = -1\n"
        "[quotas]\njobs = 7\nrunning = 2\n"
    )
    settings = Settings.load(environment={"QUIRE_DIR": str(tmp_path)})
    assert settings.kinds["wait"] == Limits(processes=4, cpu_seconds=2.5, priority=-1)
    assert (settings.quotas.jobs, settings.quotas.running) == (7, 2)


@pytest.mark.parametrize("line", ["proceses = 4", "memory = 10", "cpu_seconds = -1"])
def test_a_wrong_table_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "quire.toml").write_text(f"[kinds.wait]\n{line}\n")
    with pytest.raises(InputError, match="kinds"):
        Settings.load(environment={"QUIRE_DIR": str(tmp_path)})


def test_what_a_limit_killed_is_never_tried_again() -> None:
    excess = Excess(limit="processes", allowed=4, used=9)
    ended = after_excess(RUNNING, excess, now=5.0)
    assert ended.phase is Phase.ERROR
    assert ended.error is not None
    assert ended.error.code == "limit_processes"
    assert "9 processes" in ended.error.message
    assert "[kinds.wait] processes = 4" in ended.error.message


def test_a_job_does_not_take_the_server_down_for_ever() -> None:
    policy, job = RetryPolicy(cut_off=3), RUNNING
    phases = []
    for _ in range(3):
        job = after_cut_off(job, policy=policy, now=5.0)
        phases.append(job.phase)
        job = msgspec.structs.replace(job, phase=Phase.EXECUTING)
    assert phases == [Phase.QUEUED, Phase.QUEUED, Phase.ERROR]
    assert job.error is not None
    assert job.error.code == "server_lost"


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    policy = RetryPolicy(first=8.0, longest=64.0, jitter=0.5)
    waits = {policy.delay(1, key=f"job {number}") for number in range(50)}
    assert len(waits) > 40
    assert all(4.0 <= wait <= 8.0 for wait in waits)
    assert policy.delay(1, key="job 1") == policy.delay(1, key="job 1")


def test_a_refusal_says_what_mends_it() -> None:
    assert "wait until one has ended" in str(QuotaExceeded("me", 7))
