"""Doing many things at once, as many with each host as it has slots for."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from threading import Event
from typing import Any, NamedTuple, TypeVar

from quire.kinds.merge.slots import HostSlots, Slot

AT_ONCE = 4
_LOOK = 0.05

T = TypeVar("T")


class Task(NamedTuple):
    """Something to do.

    Attributes
    ----------
    host
        Whom it needs a slot of; empty for this machine.
    """

    host: str
    do: Callable[[], Any]


class Here(Executor):
    """Does what it is given at once: for what is not worth a thread."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Do it, and return what came of it."""
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as problem:  # noqa: BLE001 - whoever asks for it gets it
            done.set_exception(problem)
        return done


def gathered(
    tasks: Sequence[Task],
    slots: HostSlots,
    *,
    proceed: Callable[[], None],
    stop: Event,
    waits: Callable[[str], None] = lambda _: None,
    threads: bool = True,
) -> list[Future[Any]]:
    """Do all tasks, and return what came of each, in their order.

    A host that is slow keeps nobody from others: what has no slot is passed over.

    Parameters
    ----------
    proceed
        Called often in the caller's thread; raises to stop.
    stop
        Set if `proceed` raises: the tasks that are at work look at it.
    waits
        Told each host, once, that nothing but others' transfers keeps tasks from.
    threads
        Whether they are done in threads, `AT_ONCE` of them.
    """
    with ThreadPoolExecutor(AT_ONCE, "collect") if threads else Here() as pool:
        try:
            return _gathered(tasks, slots, pool, proceed, waits)
        except BaseException:
            stop.set()
            raise


def _gathered(
    tasks: Sequence[Task],
    slots: HostSlots,
    pool: Executor,
    proceed: Callable[[], None],
    waits: Callable[[str], None],
) -> list[Future[Any]]:
    found: dict[int, Future[Any]] = {}
    running: set[Future[Any]] = set()
    told: set[str] = set()
    left = dict(enumerate(tasks))
    while left or running:
        proceed()
        for number, task in list(left.items()):
            if len(running) >= AT_ONCE:
                break
            if slot := slots.take(task.host):
                found[number] = pool.submit(_with, slot, task)
                running.add(found[number])
                del left[number]
        if running:
            running = wait(running, _LOOK, FIRST_COMPLETED).not_done
            continue
        for host in dict.fromkeys(task.host for task in left.values()):
            if host not in told:
                told.add(host)
                waits(host)
        time.sleep(_LOOK if left else 0)
    return [found[number] for number in range(len(tasks))]


def _with(slot: Slot, task: Task) -> Any:
    with slot:
        return task.do()
