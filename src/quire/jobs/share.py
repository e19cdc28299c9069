"""Which of the jobs that wait comes next: fair between owners, urgent first for each.

Owners get slots in turn: a free slot goes to whoever has the fewest attempts under way,
of several to the one who was served longest ago. Among the jobs of one owner those of
the highest priority come first, then the oldest.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec

from quire.jobs.job import Job
from quire.jobs.limits import KindLimits


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where attempts of a kind run, and how many can begin there."""

    name: str
    free: int


class Occupied(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that holds a slot."""

    owner: str
    kind: str


def choose(
    waiting: Iterable[Job],
    occupied: Iterable[Occupied],
    limits: KindLimits,
    *,
    slots: int,
    running_each: int = 0,
    served: Mapping[str, int] | None = None,
    room: Callable[[str], Places] | None = None,
) -> tuple[Job, ...]:
    """Return the jobs to begin now, in order.

    Parameters
    ----------
    waiting
        Jobs that may begin, in any order.
    occupied
        What holds slots already.
    slots
        How many attempts can begin.
    running_each
        Attempts that one owner may have at one time, 0 for no limit.
    served
        Of each owner the number of the turn in which one of theirs was begun last;
        those who are not named were never served.
    room
        Returns where the attempts of a kind run and how many can begin there; None
        where all kinds run in one place.
    """
    turns = dict(served or {})
    owners, kinds = Counter[str](), Counter[str]()
    for attempt in occupied:
        owners[attempt.owner] += 1
        kinds[attempt.kind] += 1
    queues = _queues(waiting)
    turn = max(turns.values(), default=0)
    taken = _Taken(room)
    chosen: list[Job] = []
    while len(chosen) < slots:
        heads = {
            owner: head
            for owner, queue in queues.items()
            if not (running_each and owners[owner] >= running_each)
            and (head := _head(queue, kinds, limits, taken)) is not None
        }
        if not heads:
            break
        owner = _next_owner(heads, owners, turns)
        job = heads[owner]
        queues[owner][job.kind].pop()
        owners[owner] += 1
        kinds[job.kind] += 1
        taken.take(job.kind)
        turn += 1
        turns[owner] = turn
        chosen.append(job)
    return tuple(chosen)


def _next_owner(
    heads: Mapping[str, Job], running: Mapping[str, int], turns: Mapping[str, int]
) -> str:
    """Return whose job comes next, of the owners whose next jobs are given."""
    return min(
        heads,
        key=lambda name: (
            running.get(name, 0),
            turns.get(name, 0),
            _age(heads[name]),
            name,
        ),
    )


class _Taken:
    """What is taken of the room, in one choice."""

    def __init__(self, room: Callable[[str], Places] | None) -> None:
        self._room = room
        self._taken = Counter[str]()

    def has_room(self, kind: str) -> bool:
        if self._room is None:
            return True
        places = self._room(kind)
        return self._taken[places.name] < places.free

    def take(self, kind: str) -> None:
        if self._room is not None:
            self._taken[self._room(kind).name] += 1


_Queues = dict[str, dict[str, list[Job]]]


def _queues(waiting: Iterable[Job]) -> _Queues:
    """Return the jobs by owner and kind, the next of each last."""
    queues: _Queues = defaultdict(lambda: defaultdict(list))
    for job in waiting:
        queues[job.owner][job.kind].append(job)
    for kinds in queues.values():
        for queue in kinds.values():
            queue.sort(key=_age, reverse=True)
    return queues


def _head(
    queue: Mapping[str, list[Job]],
    running: Mapping[str, int],
    limits: KindLimits,
    taken: "_Taken",
) -> Job | None:
    """Return an owner's next job, None if none of theirs can begin."""
    heads = [
        jobs[-1]
        for kind, jobs in queue.items()
        if jobs
        and not 0 < limits.of(kind).concurrency <= running.get(kind, 0)
        and taken.has_room(kind)
    ]
    if not heads:
        return None
    return min(heads, key=lambda job: (-limits.of(job.kind).priority, *_age(job)))


def _age(job: Job) -> tuple[float, str]:
    return job.created, job.id
