"""Made-up runs to search among, the same ones every time."""

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

from quire.runs.run import Run, Stream

FIRST_TIME = 1.6e9
"""Start of the first run, Unix seconds."""

SPACING = 60.0
"""Seconds between the starts of two runs."""

BLOCK = 2_000
"""So many runs are drawn from one seed."""

_WORDS = [
    "alignment",
    "calibration",
    "copper",
    "diffraction",
    "energy",
    "fast",
    "grid",
    "insitu",
    "kinetics",
    "laser",
    "map",
    "nickel",
    "overnight",
    "powder",
    "quick",
    "radial",
    "sweep",
    "test",
    "user",
    "vacuum",
]


def runs(count: int, *, small: bool = False) -> Iterator[Run]:
    """Yield made-up runs, oldest first.

    Parameters
    ----------
    small
        With start documents of some 0.4 kB, of the fields alone that the benchmark's
        questions ask for; else of some 0.6 kB.
    """
    for first in range(0, count, BLOCK):
        yield from block(first, min(count, first + BLOCK), small=small)


def block(first: int, end: int, *, small: bool = False) -> Iterator[Run]:
    """Yield the runs of these places; `first` is a multiple of `BLOCK`."""
    dice = random.Random(first + 7)  # noqa: S311
    for place in range(first, end):
        yield _run(place, dice, small=small)


def _run(place: int, dice: random.Random, *, small: bool) -> Run:
    began = FIRST_TIME + place * SPACING
    uid = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    plan = dice.choice(("scan", "count", "grid_scan", "fly"))
    start = {
        "uid": uid,
        "time": began,
        "scan_id": place + 1,
        "plan_name": plan,
        "beamline_id": f"bl{dice.randrange(12):02d}",
        "run_type": dice.choice(("physics", "cosmic", "test")),
        "sample": {
            "name": f"sample-{dice.randrange(20_000)}",
            "formula": dice.choice(("Cu", "Ni", "Fe2O3", "SiO2")),
            "temperature": round(dice.uniform(4, 400), 3),
        },
        "purpose": " ".join(dice.choice(_WORDS) for _ in range(8)),
        "rare": f"needle{place}" if place % 5_000 == 0 else "hay",
        "statistics": {"lumi_recorded": round(dice.expovariate(0.01), 4)},
        "data_groups": [f"prop-{dice.randrange(3_000)}"],
        **({} if small else _more(dice)),
    }
    separators = (",", ":") if small else None
    return Run(
        uid=uid,
        owner="staff",
        start=json.dumps(start, separators=separators).encode(),
        time=began,
        scan_id=place + 1,
        plan_name=plan,
        stop_time=began + dice.uniform(1, 50),
        stop_uid=f"stop-{place}",
        exit_status=dice.choice(("success", "success", "success", "abort", "fail")),
        streams={"primary": Stream(seq_nums=((1, 100),), events=100)},
        documents=104,
    )


def _more(dice: random.Random) -> dict[str, Any]:
    return {
        "plan_type": "generator",
        "detectors": [f"det{dice.randrange(40)}", "pilatus"],
        "motors": [f"m{dice.randrange(60)}"],
        "num_points": dice.randrange(1, 400),
        "versions": {"bluesky": "1.15.1", "ophyd": "1.11.0"},
        "cycle": f"20{dice.randrange(20, 27)}-{dice.randrange(1, 4)}",
    }
