"""A simulated instrument: a motor and two point detectors under a RunEngine."""

import contextlib
import logging
import math
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from bluesky import RunEngine
from bluesky.plans import scan

from quire.demo.devices import Counter, Stage

Subscriber = Callable[[str, dict[str, Any]], Any]


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """The devices.

    Attributes
    ----------
    motor
        A stage, in millimetres.
    detectors
        Two point detectors (counts) that see the beam at -0.5 mm and 0.8 mm.
    """

    motor: Any
    detectors: tuple[Any, ...]


def instrument(
    *, seed: int, settle: float = 0.03, exposure: float = 0.02
) -> Instrument:
    """Make the devices.

    Parameters
    ----------
    seed
        Same seed, same readings.
    settle, exposure
        Seconds that a move and a reading take.
    """
    generator = random.Random(seed)  # noqa: S311 - noise, not a secret
    motor: Any = Stage(name="stage", seconds=settle)

    def counts(*, centre: float, width: float, peak: float) -> Callable[[], float]:
        def read() -> float:
            distance = (motor.readback.get() - centre) / width
            expected = 20 + peak * math.exp(-(distance**2) / 2)
            return round(generator.gauss(expected, math.sqrt(expected)), 3)

        return read

    return Instrument(
        motor=motor,
        detectors=(
            Counter(
                counts(centre=-0.5, width=0.6, peak=900.0),
                name="diode",
                seconds=exposure,
            ),
            Counter(
                counts(centre=0.8, width=0.3, peak=400.0),
                name="fluorescence",
                seconds=exposure,
            ),
        ),
    )


def plan(devices: Instrument, *, points: int) -> Iterator[Any]:
    """Return a scan of the stage from -3 mm to 3 mm in so many points."""
    messages: Iterator[Any] = scan(
        list(devices.detectors),
        devices.motor,
        -3.0,
        3.0,
        points,
        md={
            "sample": {"name": "CuSO4"},
            "operator": "demo",
            "purpose": "demonstration",
        },
    )
    return messages


def observe(subscriber: Subscriber, *, points: int, scan_id: int, seed: int) -> str:
    """Run the scan with the real RunEngine and return the run's uid.

    Ctrl-C reaches the caller as it would without a RunEngine; the run is then closed
    with exit status ``abort``.
    """
    # In a thread of its own and without context managers the RunEngine leaves the
    # signal handlers alone; an interrupt in the thread that waits for it breaks it.
    engine: Any = RunEngine({"scan_id": scan_id - 1}, context_managers=[])
    engine.subscribe(subscriber)
    with ThreadPoolExecutor(1, "instrument") as thread:
        running = thread.submit(engine, plan(instrument(seed=seed), points=points))
        try:
            return str(running.result()[0])
        except BaseException:
            _abort(engine)
            raise


def _abort(engine: Any) -> None:
    """Abort the plan if one is running; the waiting thread sees to its end."""
    # bluesky prints what it does and logs the abort as an exception; stdout is kept
    # for results and an interrupt is no fault.
    logging.getLogger("bluesky").setLevel(logging.CRITICAL + 1)
    with contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
        engine.abort(reason="interrupted")
