"""Coroutines that mostly need not wait, run without a task of their own.

A task costs a turn of the loop before it begins and one more before it goes on. Python
has eager tasks for that (`asyncio.eager_task_factory`), from 3.12 on.
"""

from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, None, T]) -> T | Awaitable[T]:
    """Return what a coroutine returns if it does so without waiting.

    Until it waits there is no current task: `asyncio.timeout` and the like are not for
    what it does first. What it raises then is raised by the awaitable.

    Returns
    -------
    T or Awaitable
        To be awaited once for the rest, if it waits.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    except Exception as error:  # noqa: BLE001  # raised where it is awaited
        return _raised(error)
    return _Rest(coroutine, awaited)


async def _raised(error: Exception) -> Any:
    raise error


class _Rest(Awaitable[T]):
    """A coroutine from its first waiting on (PEP 380 says how values are passed on)."""

    def __init__(self, coroutine: Coroutine[Any, None, T], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, T]:
        awaited = self._awaited
        while True:
            try:
                go_on = partial(self._coroutine.send, (yield awaited))
            except BaseException as error:  # noqa: BLE001  # it is for the coroutine
                go_on = partial(self._coroutine.throw, error)
            try:
                awaited = go_on()
            except StopIteration as end:
                result: T = end.value
                return result
