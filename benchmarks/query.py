"""Parsing and checking queries: usual ones, hostile ones, the dearest that are allowed.

Usage: python benchmarks/query.py [--repeat 200] [--hostile FILE]

The target for hostile queries is 10 ms each. The grammar is made ready before, which is
timed by itself. Medians, and the slowest of all; milliseconds.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from quire.runs.query.errors import QueryError
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry

_TARGET = 10.0
_NOW = 1_800_000_000.0
_HOSTILE = Path(__file__).parents[1] / "tests/runs/query/hostile.txt"
_USUAL = {
    "one condition": "scan_id = 4371",
    "four conditions": 'plan_name = scan and sample.name ~ "Cu*"'
    " and start.time > 2026-11-01 and not flag.DCH = bad",
    "a named query": "@good and run in 100..200",
}
_DEAREST = {
    "250 conditions": " or ".join(["x=1"] * 250),
    "490 values": "x in [" + ",".join(["1"] * 490) + "]",
    "49 parentheses": "(" * 49 + "x = 1" + ")" * 49,
    "400 named conditions": " or ".join(["@many"] * 19),
}
_NAMED = {
    "good": "flag.DCH = good and status = success",
    "many": " or ".join(["x=1"] * 20),
    "self": "@self",
    "ping": "@pong",
    "pong": "x = 1 and @ping",
    **{f"d{depth}": f"@d{depth + 1}" for depth in range(1, 6)},
    "d6": "x = 1",
    "wide": " and ".join(["@w1"] * 21),
    "w1": " and ".join(["x = 1"] * 21),
}


def timed(ask: Callable[[], object], repeat: int) -> list[float]:
    """Return how long each of some calls took, in milliseconds."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def refused(parser: QueryParser, text: str) -> None:
    """Parse what is no query.

    Raises
    ------
    RuntimeError
        It was taken for one.
    """
    try:
        parser.parse(text, now=_NOW)
    except QueryError:
        return
    raise RuntimeError(f"not refused: {text[:80]!r}")


def hostile(path: Path) -> list[str]:
    """Return the queries of the corpus."""
    found = [json.loads(line)["query"] for line in path.read_text("utf-8").splitlines()]
    return [
        each if isinstance(each, str) else "".join(piece * n for piece, n in each)
        for each in found
    ]


def main() -> int:
    """Print a table; return 1 if a hostile query took longer than the target."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=200)
    options.add_argument("--hostile", type=Path, default=_HOSTILE)
    given = options.parse_args()
    parser = QueryParser(FieldRegistry(), _NAMED)
    (first,) = timed(lambda: parser.parse("x = 1"), 1)
    print(f"{'making the grammar ready':32}{first:9.2f}")
    for name, text in {**_USUAL, **_DEAREST}.items():
        times = timed(lambda text=text: parser.parse(text, now=_NOW), given.repeat)  # type: ignore[misc]
        print(f"{name:32}{statistics.median(times):9.3f}{max(times):9.3f}")
    slowest: list[tuple[float, str]] = []
    for text in hostile(given.hostile):
        times = timed(lambda text=text: refused(parser, text), given.repeat // 10 or 1)  # type: ignore[misc]
        slowest.append((statistics.median(times), text))
    slowest.sort(reverse=True)
    print(f"{'hostile, all of ' + str(len(slowest)):32}", end="")
    print(
        f"{statistics.median([each for each, _ in slowest]):9.3f}{slowest[0][0]:9.3f}"
    )
    for each, text in slowest[:3]:
        print(f"    {each:.3f}  {text[:60]!r}")
    return int(slowest[0][0] > _TARGET)


if __name__ == "__main__":
    sys.exit(main())
