"""Slots of hosts: over threads, over processes, and free when a process is killed."""

import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from quire.kinds.merge.gathering import Task, gathered
from quire.kinds.merge.slots import HostSlots
from quire.testing.waiting import PATIENCE

_HOLDER = """
import sys
from pathlib import Path
from quire.kinds.merge.slots import HostSlots
slot = HostSlots(Path(sys.argv[1]), per_host=1).take("far:80")
print("taken" if slot else "none", flush=True)
sys.stdin.read()
"""


def nothing() -> None:
    pass


def done(work: list[Future[object]]) -> list[object]:
    return [one.result() for one in work]


def test_a_host_has_so_many_and_others_have_theirs(tmp_path: Path) -> None:
    slots, others = HostSlots(tmp_path), HostSlots(tmp_path)
    first, second = slots.take("a"), others.take("a")
    assert first
    assert second
    assert slots.take("a") is None
    assert others.take("b")
    second.free()
    assert slots.take("a")


def test_this_machine_has_no_limit_and_0_is_none(tmp_path: Path) -> None:
    slots, free = HostSlots(tmp_path / "a"), HostSlots(tmp_path / "a", per_host=0)
    assert all(slots.take("") for _ in range(9))
    assert all(free.take("far") for _ in range(9))
    assert not (tmp_path / "a").exists()


def test_no_name_of_a_host_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    assert HostSlots(folder).take("../../etc/[::1]:80")
    assert [one.parent for one in folder.iterdir()] == [folder]


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"taken\n"
        slots = HostSlots(tmp_path, per_host=1)
        assert slots.take("far:80") is None
        holder.kill()
        holder.wait()
        assert slots.take("far:80")


def test_who_waits_may_be_stopped_and_gets_it_as_soon_as_it_is_free(
    tmp_path: Path,
) -> None:
    slots = HostSlots(tmp_path, per_host=1)
    held = slots.take("far")
    assert held

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError), slots.waited("far", stop):
        pass
    told: list[str] = []
    with slots.waited("far", held.free, told.append):
        assert slots.take("far") is None
    assert told == ["far"]
    with slots.waited("far", stop, told.append):
        assert told == ["far"]  # nobody is told who did not wait


def test_a_slow_host_keeps_nobody_from_others(tmp_path: Path) -> None:
    near = threading.Event()

    def slow() -> bool:
        return near.wait(PATIENCE)

    tasks = [*(Task("slow", slow) for _ in range(9)), Task("near", near.set)]
    work = gathered(tasks, HostSlots(tmp_path), proceed=nothing, stop=threading.Event())
    assert done(work) == [True] * 9 + [None]


def test_what_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    other = HostSlots(tmp_path, per_host=1).take("far")
    assert other
    asked = 0

    def proceed() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            other.free()

    told: list[str] = []
    work = gathered(
        [Task("far", lambda: 7)] * 3,
        HostSlots(tmp_path, per_host=1),
        proceed=proceed,
        stop=threading.Event(),
        waits=told.append,
    )
    assert done(work) == [7] * 3
    assert asked >= 3
    assert told == ["far"]


def test_who_is_told_to_stop_waits_for_what_is_at_work(tmp_path: Path) -> None:
    began, stop, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        assert stop.wait(PATIENCE)
        ended.set()

    def proceed() -> None:
        if began.is_set():
            raise InterruptedError

    with pytest.raises(InterruptedError):
        gathered([Task("", work)], HostSlots(tmp_path), proceed=proceed, stop=stop)
    assert ended.is_set()


@pytest.mark.parametrize("threads", [True, False])
def test_what_fails_is_told_beside_what_does_not(
    tmp_path: Path, *, threads: bool
) -> None:
    def fail() -> None:
        raise ValueError("no")

    first, second = gathered(
        [Task("", fail), Task("", lambda: 1)],
        HostSlots(tmp_path),
        proceed=nothing,
        stop=threading.Event(),
        threads=threads,
    )
    assert isinstance(first.exception(), ValueError)
    assert second.result() == 1
