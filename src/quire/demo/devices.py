"""Two simulated devices by ophyd's protocols.

`ophyd.sim` has the like, but leaves a temporary folder behind wherever it is imported.
"""

import threading
from collections.abc import Callable

from ophyd import Component, Device, Kind, Signal
from ophyd.status import DeviceStatus, Status


class Stage(Device):  # type: ignore[misc] # ophyd has no types
    """A motor without inertia: it is where it should be after a while.

    Parameters
    ----------
    seconds
        How long a move takes, whatever its length.
    """

    readback = Component(Signal, value=0.0, kind=Kind.hinted)
    setpoint = Component(Signal, value=0.0, kind=Kind.normal)

    def __init__(self, *, name: str, seconds: float) -> None:
        super().__init__(name=name)
        self._seconds = seconds
        self.readback.name = name

    def set(self, position: float) -> DeviceStatus:
        """Move to a position (millimetres)."""
        self.setpoint.put(float(position))
        status = DeviceStatus(self)

        def arrive() -> None:
            self.readback.put(float(position))
            status.set_finished()

        _later(self._seconds, arrive)
        return status


class Counter(Signal):  # type: ignore[misc] # ophyd has no types
    """A point detector.

    Parameters
    ----------
    count
        Called at the end of each exposure: the counts.
    seconds
        The exposure.
    """

    def __init__(
        self, count: Callable[[], float], *, name: str, seconds: float
    ) -> None:
        super().__init__(name=name, value=0.0, kind=Kind.hinted)
        self._count = count
        self._seconds = seconds

    def trigger(self) -> Status:
        """Take an exposure."""
        status = Status(obj=self)

        def read_out() -> None:
            self.put(self._count())
            status.set_finished()

        _later(self._seconds, read_out)
        return status


def _later(seconds: float, act: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
