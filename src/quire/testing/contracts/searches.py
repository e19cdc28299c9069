"""What is searched for, and among what, by the contract of `RunFinder`."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from quire.runs.annotations import Annotations, Flag
from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.run import Run, Stream
from quire.testing.contracts.fixtures import uuid

LONG = ("long " * 300 + "a", "long " * 300 + "platypus", "b" * 40_000, "c" * 70_000)
"""Texts of which the last is longer than a search takes."""

WORDS = ("copper", "Nickel", "fast", "50%", "a[b", "x*y", "Ä1", "é")
PATHS = (
    "uid",
    "plan_name",
    "scan_id",
    "time",
    "duration",
    "events",
    "status",
    "owner",
    "experiment",
    "run",
    "start.sample.name",
    "start.sample.t",
    "start.notes",
    "unsearched",
    "start.motors",
    "start.on",
    'start.o"dd\\ key',
    "flag.DCH",
    "stop.reason",
    "start.nowhere",
)
_LITERALS: tuple[Literal, ...] = (
    *(0, 1, 2, 3, 2.5, 2**53 + 1, "Nickel", "scan", "success", "a", "x"),
    *(LONG[1], "start.notes", True),
)
_PATTERNS = ("*", "c*", "?", "[*", uuid(5)[:7] + "*", "long*platypus", "b*b")


Kind = Callable[[str, random.Random], Tree]

_KINDS: tuple[Kind, ...] = (
    lambda path, dice: Compare(
        field=path, operator=dice.choice([*Operator]), value=dice.choice(_LITERALS[:-1])
    ),
    lambda path, dice: Compare(
        field=path, operator=Operator.EQUAL, value=dice.choice(_LITERALS)
    ),
    lambda path, _: Compare(field=path, operator=Operator.EQUAL, value=1),
    lambda path, dice: OneOf(
        field=path, values=(1, uuid(2), *dice.sample(_LITERALS, 2))
    ),
    lambda path, dice: Between(field=path, low=dice.randrange(3), high=3),
    lambda path, dice: Between(field=path, low="a", high=dice.choice("bcxz")),
    lambda path, dice: Glob(field=path, pattern=dice.choice(_PATTERNS)),
    lambda path, _: Exists(field=path),
    lambda path, _: Missing(field=path),
    lambda _, dice: Text(words=(dice.choice(["copper", "fast", "platypus"]),)),
)


def fixed_trees() -> Iterator[Tree]:
    """Yield some conditions of every kind on every field, alone and joined."""
    dice = random.Random(5)  # noqa: S311
    for path in PATHS:
        yield two_sided(path, 1.5, 2)
        yield two_sided(path, 2, 1)
        yield from (kind(path, dice) for kind in _KINDS)
        for each in dice.sample(_KINDS, 2):
            part = each(path, dice)
            other = dice.choice(_KINDS)(dice.choice(PATHS), dice)
            joined: list[Tree] = [
                And(parts=(part, other)),
                Or(parts=(part, other)),
                Not(part=part),
                among_few(part),
                numbered(part, dice.randrange(4), dice.randrange(5)),
            ]
            yield dice.choice(joined)


def fixed_runs() -> list[list[Run]]:
    """Return runs that have about every field, some of them put twice."""
    dice = random.Random(6)  # noqa: S311
    drawn = [_fixed_run(uid, dice) for uid in (*map(uuid, range(1, 9)), "x", "zebra")]
    return [drawn[:5], drawn[5:], [_fixed_run(uuid(3), dice)]]


def _fixed_run(uid: str, dice: random.Random) -> Run:
    time = dice.choice([1.0, 1.0, 1.0001, 2.0, 5e9])
    start: dict[str, Any] = {
        "uid": uid,
        "time": time,
        "scan_id": dice.choice([None, 1, 2, 3]),
        "plan_name": dice.choice(["scan", "count"]),
        "sample": {"name": dice.choice(_LITERALS), "t": dice.choice(_LITERALS)},
        "motors": dice.choice([[0, 3], dice.sample(_LITERALS, dice.randrange(3))]),
        "on": dice.choice([True, False, 1, [1, True], [False, 0.0, 2]]),
        'o"dd\\ key': dice.choice(_LITERALS),
        "purpose": " ".join(dice.sample(WORDS, 2)),
        "notes": dice.choice([*LONG, [*LONG]]),
        "experiment": dice.choice([0, 1, 2]),
        "run": dice.choice([1, 2, 3]),
        "group": ["1", 1, 1.0, True, 2.5, "a", "\x1f1"][int(uid[-1], 36) % 7],
    }
    flag = Flag(detector="DCH", value=dice.choice(["success", "a"]))
    ended = dice.random() < 0.6
    return Run(
        uid=uid,
        owner=dice.choice("ab"),
        start=json.dumps(start).encode(),
        time=time,
        scan_id=start["scan_id"],
        plan_name=start["plan_name"],
        streams={"primary": Stream(seq_nums=((1, dice.randrange(1, 4)),))},
        annotations=Annotations(flags=(flag,) if dice.random() < 0.5 else ()),
        stop_time=time + dice.randrange(4) if ended else None,
        exit_status="success" if ended else None,
    )


def among_few(part: Tree) -> Tree:
    """Return what stores find among the few runs of a range, as `scan_id in 1..3`."""
    return And(parts=(Between(field="scan_id", low=1, high=3), part))


def two_sided(field: str, low: float, high: float) -> Tree:
    """Return two bounds, each of which another value of the field may keep."""
    above = Compare(field=field, operator=Operator.GREATER, value=low)
    below = Compare(field=field, operator=Operator.LESS, value=high)
    return And(parts=(above, below))


def numbered(part: Tree, experiment: int, run: int) -> Tree:
    """Return what stores find by the numbers of runs: from a place on, or a range."""
    first = Compare(field="experiment", operator=Operator.EQUAL, value=experiment)
    behind = Compare(field="experiment", operator=Operator.GREATER, value=experiment)
    least = Compare(field="run", operator=Operator.GREATER_OR_EQUAL, value=run)
    if run == 0:
        return And(parts=(first, part))
    return Or(parts=(behind, And(parts=(first, least)), And(parts=(least, part))))
