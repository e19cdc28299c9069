import os
import threading

from quire.client.fork_gate import ForkGate
from quire.testing.waiting import PATIENCE


def fork() -> int:
    """Fork a child that ends at once; return its exit code."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_fork_waits_until_the_gate_is_left() -> None:
    gate, inside, leave = ForkGate(), threading.Event(), threading.Event()
    order: list[str] = []

    def stay() -> None:
        with gate:
            inside.set()
            leave.wait(PATIENCE)
            order.append("left")

    def fork_and_tell() -> None:
        assert fork() == 0
        order.append("forked")

    threads = [threading.Thread(target=stay), threading.Thread(target=fork_and_tell)]
    threads[0].start()
    assert inside.wait(PATIENCE)
    threads[1].start()
    threads[1].join(0.1)
    assert order == []
    leave.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["left", "forked"]


def test_parent_and_child_may_enter_after_a_fork() -> None:
    gate = ForkGate()
    pid = os.fork()
    if not pid:
        with gate:
            os._exit(7)
    with gate:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_gate_that_is_gone_holds_nobody_up() -> None:
    gate = ForkGate()
    del gate
    assert fork() == 0
