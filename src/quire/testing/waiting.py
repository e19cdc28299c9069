"""Conditions to wait for, with one patience for all of them.

A machine at work is slow now and then, and that says nothing of what is tested. Who
waits here waits for something to happen: only what never happens costs the whole
patience, so it is long.
"""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds until something that is waited for is given up."""

_LOOK = 0.01


def until(condition: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Return what a condition gives as soon as it is true.

    Parameters
    ----------
    seconds
        More than `PATIENCE` where a start of something heavy is waited for.

    Raises
    ------
    AssertionError
        It never is; with what it gave last.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, _late(condition, found, seconds)
        time.sleep(_LOOK)
    return found


async def until_async(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Return what a condition gives as soon as it is true.

    Parameters
    ----------
    condition
        A function, or one that is to be awaited.
    seconds
        As for `until`.

    Raises
    ------
    AssertionError
        It never is; with what it gave last.
    """
    deadline = time.monotonic() + seconds
    while not (found := await _asked(condition)):
        assert time.monotonic() < deadline, _late(condition, found, seconds)
        await asyncio.sleep(_LOOK)
    return found


async def _asked(condition: Callable[[], Any]) -> Any:
    found = condition()
    return await found if inspect.isawaitable(found) else found


def _late(condition: Callable[[], Any], found: object, seconds: float) -> str:
    return f"still not so after {seconds:g} s: {condition} gave {found!r}"
