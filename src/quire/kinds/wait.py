"""The kind `wait`: does nothing but wait, with progress, for trying out clients."""

import time
from collections.abc import Mapping
from typing import Any

from quire.jobs.job import Completed, Failed, JobError, Outcome
from quire.jobs.parameters import Parameter, ParameterType, read_parameters
from quire.ports.kind import JobContext, Plan
from quire.progress.phases import Phases

# A century; whoever waits longer has mistaken the unit.
_MOST_SECONDS = 3_155_760_000.0
_MOST_STEPS = 1_000_000
# Seconds asleep between two looks whether to stop.
_NAP = 0.05
_STEPS = "steps"
_WAITING = Phases({_STEPS: 1})


class WaitKind:
    """Waits: `SECONDS`, in `STEPS` with progress after each; may `FAIL` at the end."""

    name = "wait"
    description = "Waits, with progress; for trying out clients."
    parameters = (
        Parameter(
            name="SECONDS",
            type=ParameterType.NUMBER,
            description="How long to wait",
            unit="s",
            least=0,
            most=_MOST_SECONDS,
            default=1.0,
        ),
        Parameter(
            name="STEPS",
            type=ParameterType.INTEGER,
            description="In how many steps, with progress after each",
            least=1,
            most=_MOST_STEPS,
            default=10,
        ),
        Parameter(
            name="FAIL",
            type=ParameterType.BOOLEAN,
            description="Whether to end with a fatal error",
            default=False,
        ),
    )

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown or given twice, or a value cannot be used.
        """
        return Plan(parameters=read_parameters(self.parameters, parameters))

    def work(self, context: JobContext) -> Outcome:
        """Wait."""
        given = context.assignment.parameters
        seconds, steps = float(given["SECONDS"]), int(given["STEPS"])
        begin = time.monotonic()
        told = 0
        for step in range(1, steps + 1):
            _sleep_until(begin + seconds * step / steps, context)
            percent = _WAITING.percent(_STEPS, step, steps)
            # More steps than percents would say the same number again and again.
            if percent > told:
                told = percent
                context.tell(f"Step {step} of {steps}", percent)
        if given["FAIL"]:
            message = f"Failed after {seconds:g} s, as FAIL asks for"
            error = JobError(type="fatal", code="asked_to_fail", message=message)
            return Failed(error=error)
        return Completed(message=f"Waited for {seconds:g} s")


def _sleep_until(moment: float, context: JobContext) -> None:
    while not context.cancelled():
        left = moment - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _NAP))
