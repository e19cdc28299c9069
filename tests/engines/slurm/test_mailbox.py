import threading
from pathlib import Path

import pytest

from quire.engines.slurm.mailbox import Mailbox
from quire.ports.launcher import AttemptKey, RunnerOrder


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    mailbox = Mailbox(tmp_path / "lane")
    mailbox.make()
    return mailbox


def order(job: str, attempt: int = 1) -> RunnerOrder:
    return RunnerOrder(job=job, attempt=attempt, kind="k", url="u", token="t")  # noqa: S106


def test_an_order_goes_from_hand_to_hand(mailbox: Mailbox) -> None:
    mailbox.put(order("a.b", 2))
    key = ("a.b", 2)
    assert (mailbox.waiting(), mailbox.taken()) == ([key], {})
    assert mailbox.sample() == order("a.b", 2)
    assert mailbox.take("p") == order("a.b", 2)
    assert (mailbox.waiting(), mailbox.taken()) == ([], {key: "p"})
    assert not mailbox.withdraw(key)
    assert not mailbox.must_end("p", key)
    mailbox.end("p", key)
    assert mailbox.must_end("p", key)
    assert mailbox.taken() == {key: "p"}
    mailbox.done("p", key)
    assert mailbox.taken() == {}
    assert mailbox.take("p") is None


def test_what_is_withdrawn_is_not_taken(mailbox: Mailbox) -> None:
    mailbox.put(order("a"))
    assert mailbox.withdraw(("a", 1))
    assert mailbox.take("p") is None
    assert mailbox.sample() is None


def test_a_pilot_whose_order_was_discarded_ends_it(mailbox: Mailbox) -> None:
    mailbox.put(order("a"))
    mailbox.take("p")
    mailbox.end("p", ("a", 1))
    mailbox.discard("p")
    mailbox.discard("p")
    assert mailbox.must_end("p", ("a", 1))
    assert mailbox.taken() == {}
    mailbox.end("p", ("a", 1))  # too late, and harmless
    assert mailbox.taken() == {}


def test_a_mailbox_that_was_never_made_is_empty(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "none")
    assert (mailbox.waiting(), mailbox.taken(), mailbox.sample()) == ([], {}, None)


def test_of_many_pilots_one_has_each_order(mailbox: Mailbox) -> None:
    jobs = {(f"j{n}", 1) for n in range(60)}
    for job, _ in jobs:
        mailbox.put(order(job))
    had: dict[str, list[AttemptKey]] = {f"p{n}": [] for n in range(4)}

    def take_all(pilot: str) -> None:
        while (taken := mailbox.take(pilot)) is not None:
            had[pilot].append((taken.job, taken.attempt))

    threads = [threading.Thread(target=take_all, args=(pilot,)) for pilot in had]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [key for keys in had.values() for key in keys]
    assert len(everything) == len(jobs)
    assert set(everything) == jobs
