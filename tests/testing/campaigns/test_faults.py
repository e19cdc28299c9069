import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.testing.campaigns.fault_bench import Bench
from quire.testing.campaigns.full_disk import fill_limited, fill_small_disk
from quire.testing.faults.full_disk import cannot_mount
from quire.testing.faults.shim import Call, missing
from quire.testing.not_proved import not_proved

pytestmark = [
    pytest.mark.crash,
    pytest.mark.usefixtures("records_in_the_folder"),
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    if lacking := missing():
        mend = "install it"
        pytest.skip(not_proved("failing system calls", why=lacking, mend=mend))
    found = Bench(tmp_path, seed=1)
    found.server.start()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("call", "error", "fewest"),
    [
        (Call.WRITE, errno.EIO, 10),
        (Call.WRITE, errno.ENOSPC, 10),
        (Call.SYNC, errno.EIO, 1),
        (Call.SYNC, errno.ENOSPC, 1),
    ],
)
def test_no_failed_call_of_a_request_is_acknowledged(
    bench: Bench, call: Call, error: int, fewest: int
) -> None:
    figures = bench.fail_all(call, error)

    assert figures.problems == ()
    # Not all of them: the indexer's calls fail, too, and cost no reply.
    assert figures.refused >= fewest
    assert bench.after_kill() == []


def test_calls_around_a_checkpoint_fail_without_a_loss(bench: Bench) -> None:
    figures = bench.fail_all(Call.WRITE, errno.EIO, checkpoint=True, every=97)

    assert figures.problems == ()
    assert figures.failures >= 3
    assert bench.after_kill() == []


@pytest.mark.parametrize("call", [Call.SYNC, Call.RENAME])
def test_a_failed_call_of_a_start_costs_nothing(bench: Bench, call: Call) -> None:
    bench.send(batches=1)

    figures = bench.fail_starts(call, errno.EIO, every=3)

    assert figures.problems == ()
    assert figures.failures >= 1


def test_a_failed_sync_of_the_first_start_costs_only_that_start(bench: Bench) -> None:
    figures = bench.fail_starts(Call.SYNC, errno.EIO, every=4, fresh=True)

    assert figures.problems == ()
    assert figures.failures >= 1


def test_a_loss_would_be_noticed(bench: Bench) -> None:
    with bench.server.http() as http:
        batch = bench.ledger.batch(5)
        bench.ledger.send(http, batch)
        (noted,) = bench.ledger.acknowledged.values()
        noted.add("never sent")

        assert "1 lost" in bench.ledger.problems(http)[0]


def test_a_file_size_limit_is_a_refusal_and_needs_no_restart(tmp_path: Path) -> None:
    figures = fill_limited(tmp_path, seed=3)

    assert figures.problems == ()
    assert figures.refused == 5


def test_a_full_disk_is_a_refusal_and_needs_no_restart(tmp_path: Path) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    figures = fill_small_disk(tmp_path, seed=4)

    assert figures.problems == ()
    assert figures.refused == 5
