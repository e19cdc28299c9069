"""Answers that are made on a thread while the former part is sent."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any, TypeVar

T = TypeVar("T")

_NOTHING = object()
_BEGUN = 2


async def begun(parts: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Return `one_ahead` of parts whose first two are made.

    What goes wrong with these can still be answered: the first may be but a header.
    """
    upcoming = one_ahead(parts)
    first = [part async for part in _some(upcoming)]

    async def body() -> AsyncGenerator[T, None]:
        try:
            while first:
                yield first.pop(0)
            async for part in upcoming:
                yield part
        finally:
            await upcoming.aclose()

    return body()


async def _some(parts: AsyncIterator[T]) -> AsyncIterator[T]:
    for _ in range(_BEGUN):
        try:
            yield await anext(parts)
        except StopAsyncIteration:
            return


async def one_ahead(parts: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """Yield what a blocking generator yields; the next is made meanwhile.

    At most two parts are held. The generator is closed at the end, also when the one
    who listens has gone.
    """

    def following() -> Any:
        return next(parts, _NOTHING)

    upcoming = asyncio.ensure_future(asyncio.to_thread(following))
    try:
        while (part := await upcoming) is not _NOTHING:
            upcoming = asyncio.ensure_future(asyncio.to_thread(following))
            yield part
    finally:
        await asyncio.gather(upcoming, return_exceptions=True)
        await asyncio.to_thread(parts.close)
