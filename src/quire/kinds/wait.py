"""The kind `wait`: does nothing but wait, with progress, for trying out clients."""

import difflib
import math
import time
from collections.abc import Mapping
from typing import Any

from quire.errors import InputError, ManyInputErrors
from quire.jobs.job import Completed, Failed, JobError, Outcome
from quire.ports.kind import JobContext, Plan

# A century; whoever waits longer has mistaken the unit.
_MOST_SECONDS = 3_155_760_000.0
_MOST_STEPS = 1_000_000
# Seconds asleep between two looks whether to stop.
_NAP = 0.05

_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class WaitKind:
    """Waits.

    `SECONDS` (a number from 0 on), in `STEPS` (an integer from 1 on) with progress
    after each, and a fatal error at the end if `FAIL` is true. Names in any case;
    values may be text, as forms send them.
    """

    name = "wait"
    description = "Waits, with progress; for trying out clients."

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown or given twice, or a value cannot be used.
        """
        read: dict[str, Any] = {}
        seen: set[str] = set()
        problems: list[InputError] = []
        for field, value in parameters.items():
            name = field.upper()
            if name in seen:
                problems.append(InputError(field, "given twice", "give it once"))
                continue
            seen.add(name)
            try:
                read[name] = _reader(field)(field, value)
            except InputError as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise ManyInputErrors(problems)
        return Plan(parameters={"SECONDS": 1.0, "STEPS": 10, "FAIL": False} | read)

    def work(self, context: JobContext) -> Outcome:
        """Wait."""
        given = context.assignment.parameters
        seconds, steps = float(given["SECONDS"]), int(given["STEPS"])
        begin = time.monotonic()
        told = 0
        for step in range(1, steps + 1):
            _sleep_until(begin + seconds * step / steps, context)
            percent = 100 * step // steps
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


def _reader(field: str) -> Any:
    name = field.upper()
    if name in _READERS:
        return _READERS[name]
    near = difflib.get_close_matches(name, _READERS, n=1, cutoff=0.5)
    known = ", ".join(_READERS)
    mend = f"did you mean {near[0]}?" if near else f"there are {known}"
    raise InputError(field, "no such parameter", mend)


def _read_seconds(field: str, value: Any) -> float:
    number = _number(field, value)
    if not 0 <= number <= _MOST_SECONDS:
        raise InputError(
            field, f"{value!s:.40} is out of range", "from 0 to 3155760000"
        )
    return number


def _read_steps(field: str, value: Any) -> int:
    number = _number(field, value)
    if not number.is_integer():
        raise InputError(field, f"{value!s:.40} is no integer", "such as 10")
    if not 1 <= number <= _MOST_STEPS:
        raise InputError(
            field, f"{value!s:.40} is out of range", f"from 1 to {_MOST_STEPS}"
        )
    return int(number)


def _read_fail(field: str, value: Any) -> bool:
    truth = _TRUTH.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(truth, bool):
        raise InputError(field, f"{value!r:.40} is no boolean", "true or false")
    return truth


def _number(field: str, value: Any) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError  # answered below like all that is no number
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(field, f"{value!r:.40} is no number", "such as 2.5") from None
    except OverflowError:
        raise InputError(field, "it is too big", "take a smaller one") from None
    if not math.isfinite(number):
        raise InputError(field, f"{value!s:.40} is no finite number", "such as 2.5")
    return number


_READERS = {"SECONDS": _read_seconds, "STEPS": _read_steps, "FAIL": _read_fail}
