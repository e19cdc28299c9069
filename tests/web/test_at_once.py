"""Coroutines that are run without a task until they wait."""

import asyncio
from typing import Any

import pytest

from quire.web.at_once import at_once


async def adds(*numbers: int, waiting: float | None = None) -> int:
    total = 0
    for number in numbers:
        if waiting is not None:
            await asyncio.sleep(waiting)
        total += number
    return total


def test_what_need_not_wait_is_there_at_once() -> None:
    assert at_once(adds(1, 2)) == 3  # without a loop, even


@pytest.mark.parametrize("waiting", [0, 0.001])
async def test_what_waits_is_awaited_for_the_rest(waiting: float) -> None:
    rest = at_once(adds(1, 2, 3, waiting=waiting))
    assert not isinstance(rest, int)
    assert await rest == 6


async def test_it_waits_for_other_tasks_and_threads() -> None:
    async def both() -> list[int]:
        inside = await asyncio.gather(adds(1, waiting=0.001), adds(2, waiting=0))
        return [*inside, await asyncio.to_thread(sum, inside)]

    rest = at_once(both())
    assert not isinstance(rest, list)
    assert await asyncio.create_task(_of(rest)) == [1, 2, 3]


async def _of(rest: Any) -> Any:
    return await rest


@pytest.mark.parametrize("waits", [False, True])
async def test_what_it_raises_is_raised_where_it_is_awaited(*, waits: bool) -> None:
    async def fails() -> int:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("its own")

    rest = at_once(fails())
    assert not isinstance(rest, int)
    with pytest.raises(ValueError, match="its own"):
        await rest


async def test_an_error_of_what_it_waits_for_reaches_it() -> None:
    future = asyncio.get_running_loop().create_future()

    async def catches() -> str:
        try:
            await future
        except ValueError as error:
            await asyncio.sleep(0)
            return str(error)
        return ""

    rest = at_once(catches())
    future.set_exception(ValueError("bad"))
    assert not isinstance(rest, str)
    assert await rest == "bad"


async def test_it_is_told_when_it_is_cancelled() -> None:
    told: list[str] = []

    async def ends() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            told.append("cancelled")
            raise
        finally:
            told.append("finally")
        return 1

    task = asyncio.create_task(_of(at_once(ends())))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["cancelled", "finally"]
