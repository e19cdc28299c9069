"""Functions in children that can do nothing but reckon."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from quire.actions.calculating.frames import Broken, receive, send
from quire.actions.calculating.remote import ConfinedCalculator, confinement
from quire.products.projection.builtin import built_in
from quire.products.projection.calculating import CalculationFailed
from quire.products.projection.functions import BoundCall
from quire.testing.not_proved import not_proved
from quire.testing.waiting import PATIENCE, until

HOSTILE = Path(__file__).with_name("hostile.py")


@pytest.fixture
def ours() -> Iterator[ConfinedCalculator]:
    with ConfinedCalculator(built_in()) as calculator:
        yield calculator


def call(name: str, *fields: str) -> BoundCall:
    return BoundCall(function=name, fields=fields)


def test_blocks_go_there_and_back(ours: ConfinedCalculator) -> None:
    ours.begin("ratio", call("numpy:divide", "a", "b"))
    ours.begin("spread", call("stats:std", "a"))
    ours.begin(
        "half", BoundCall(function="numpy:divide", fields=("a",), literals={1: 2})
    )
    first, second = np.arange(1000.0), np.arange(500)
    assert ours.feed("spread", [first]) is None
    assert ours.feed("spread", [second]) is None
    assert ours.end("spread") == pytest.approx(np.r_[first, second].std())
    found = ours.feed("ratio", [np.array([1.0, 1.0]), np.array([4, 0])])
    assert found.tolist() == [0.25, np.inf]
    assert ours.feed("half", [np.array([3, 5])]).tolist() == [1.5, 2.5]
    images = np.arange(24.0).reshape(2, 3, 4)
    ours.begin("scaled", call("numpy:multiply", "image", "factor"))
    scaled = ours.feed("scaled", [images, np.array([1.0, 10.0])])
    assert np.array_equal(scaled, images * np.array([1, 10]).reshape(2, 1, 1))


def child(action: str, argument: str = "") -> str:
    """Return what came of an act in a confined process."""
    here, there = socket.socketpair()
    with here, there:
        process = subprocess.Popen(
            [sys.executable, str(HOSTILE), str(there.fileno()), action, argument],
            pass_fds=(there.fileno(),),
        )
        there.close()
        here.settimeout(PATIENCE)
        try:
            told, _ = receive(here)
        except Broken:
            return f"ended with {process.wait()}"
        process.wait()
        return str(told["outcome"])


@pytest.mark.parametrize(
    "action", ["connect", "listen", "fork", "execute", "thread", "kill", "chmod"]
)
def test_nothing_but_reckoning_is_left(action: str) -> None:
    assert child(action, str(os.getpid())).startswith(
        ("PermissionError", "RuntimeError")
    )


def test_no_file_can_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    victim = tmp_path / "kept"
    victim.write_text("kept")
    victim.chmod(0o666)
    for action in ("write", "truncate", "append", "unlink", "rename", "create"):
        assert child(action, str(victim)).startswith("PermissionError"), action
    assert [one.read_text() for one in tmp_path.iterdir()] == ["kept"]


def test_memory_has_an_end() -> None:
    assert child("memory").startswith("MemoryError")


def test_a_child_that_talks_nonsense_is_broken() -> None:
    here, there = socket.socketpair()
    with here, there:
        send(there, {"act": "end"}, [np.zeros(3)])
        assert receive(here)[1][0].tolist() == [0, 0, 0]
        for words in (
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x02[]",
            b'\x00\x00\x00\x1c{"arrays":[["O",[1000000]]]}',
        ):
            there.sendall(words)
            with pytest.raises(Broken):
                receive(here)


def test_what_takes_too_long_is_ended() -> None:
    calculator = ConfinedCalculator(built_in())
    calculator.begin("k", call("numpy:exp", "a"))
    (one,) = calculator._children.values()
    one._left = 0.2
    reckoning = reckons(one._process.pid)
    os.kill(reckoning, signal.SIGSTOP)  # it answers no more
    began = time.monotonic()
    with pytest.raises(CalculationFailed) as problem:
        calculator.feed("k", [np.zeros(3)])
    assert problem.value.code == "limit_exceeded"
    assert time.monotonic() - began < 20
    assert one._process.poll() is not None
    until(lambda: not Path(f"/proc/{reckoning}").exists())
    with pytest.raises(CalculationFailed, match="was ended"):
        calculator.feed("k", [np.zeros(3)])


def reckons(pid: int) -> int:
    """Return the process that reckons: the last of those below one."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return reckons(int(below[0])) if below else pid


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        name: value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }


def test_it_keeps_nothing_but_its_pipe(ours: ConfinedCalculator) -> None:
    """What the kernel says of the process, beside what it says itself."""
    ours.begin("k", call("numpy:exp", "a"))
    (one,) = ours._children.values()
    pid = reckons(one._process.pid)
    told = status(pid)
    files = {
        int(each.name): str(each.readlink())
        for each in Path(f"/proc/{pid}/fd").iterdir()
    }
    assert [files.pop(number) for number in range(3)] == ["/dev/null"] * 3
    (left,) = files.values()
    assert left.startswith("socket:")
    if "namespaces" in one.held:
        assert pid != one._process.pid
        assert told["NSpid"].split()[-1] == "1"
        for space in ("user", "net", "pid", "ipc"):
            theirs = Path(f"/proc/{pid}/ns/{space}").readlink()
            assert theirs != Path(f"/proc/self/ns/{space}").readlink(), space
    assert (told["Seccomp"], told["NoNewPrivs"], told["Threads"]) == ("2", "1", "1")
    if os.geteuid() == 0:
        assert told["Uid"].split() == ["65534"] * 4
    if "pids" in one.held:
        assert one._group is not None
        listed = (one._group / "cgroup.procs").read_text().split()
        assert str(pid) in listed
        assert (one._group / "pids.max").read_text().strip() == "2"


def test_nothing_is_left_of_it(ours: ConfinedCalculator) -> None:
    ours.begin("k", call("numpy:exp", "a"))
    (one,) = ours._children.values()
    pid, group = reckons(one._process.pid), one._group
    ours.close()
    assert one._process.returncode is not None
    assert not Path(f"/proc/{pid}").exists()
    assert group is None or not group.exists()


def test_it_says_what_holds_it(ours: ConfinedCalculator) -> None:
    assert not {"namespaces", "seccomp"}.isdisjoint(confinement())
    ours.begin("k", call("numpy:exp", "a"))
    (one,) = ours._children.values()
    assert "seccomp" in one.held
    assert ours.feed("k", [np.zeros(2)]).tolist() == [1, 1]


BARE = """
import json, sys
import numpy as np
from quire.actions.calculating.remote import ConfinedCalculator, confinement
from quire.cli.doctor import _confinement
from quire.products.projection.builtin import built_in
from quire.products.projection.calculating import CalculationFailed
from quire.products.projection.functions import BoundCall

def tried(trusting):
    with ConfinedCalculator(built_in(), trusting=trusting) as calculator:
        try:
            calculator.begin("k", BoundCall(function="numpy:exp", fields=("a",)))
            return calculator.feed("k", [np.zeros(2)]).tolist()
        except CalculationFailed as problem:
            return problem.code

told = _confinement()
print(json.dumps([confinement(), tried(False), tried(True), told.good, told.found]))
"""


def test_where_nothing_can_hold_it_nothing_is_called() -> None:
    """On a machine of another kind (no filter), where namespaces are used up."""
    inside = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setarch i686 "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", inside, "sh"]
    try:
        # The place alone: what fails within it is no reason to skip.
        subprocess.run(
            [*command, "true"], capture_output=True, text=True, timeout=120, check=True
        )
    except (OSError, subprocess.CalledProcessError) as problem:
        said = getattr(problem, "stderr", "")
        why = f"no bare place can be made here: {problem} {said}"
        mend = "run where unshare(1) and setarch(1) may be used"
        pytest.skip(not_proved("a refusal without confinement", why=why, mend=mend))
    done = subprocess.run(
        [*command, sys.executable, "-c", BARE],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    held, refused, trusted, good, found = json.loads(done.stdout)
    assert {"namespaces", "seccomp"}.isdisjoint(held)
    assert refused == "calculation_off"
    assert trusted == [1.0, 1.0]
    assert not good, found
