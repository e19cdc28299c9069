"""Decisions that wait for their commit."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from quire.ports.store import Decision


@dataclass(slots=True)
class Pending:
    """A decision, what came of it, and who waits for that."""

    decision: Decision[Any]
    future: asyncio.Future[Any]
    outcome: Any = None
    error: BaseException | None = None


def settle(batch: Iterable[Pending]) -> None:
    """Tell all who wait, with one call into each of their loops."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
    for pending in batch:
        by_loop.setdefault(pending.future.get_loop(), []).append(pending)
    for loop, members in by_loop.items():
        # A loop that has closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, members)


def tell(batch: Iterable[Pending]) -> None:
    """Tell those who wait on the loop that this is called on."""
    for pending in batch:
        if pending.future.done():
            continue  # cancelled: its caller went away, what was committed stays
        if pending.error is None:
            pending.future.set_result(pending.outcome)
        elif isinstance(pending.error, StopIteration):
            # A future takes no StopIteration (PEP 479).
            pending.future.set_exception(RuntimeError("the decision raised it"))
        else:
            pending.future.set_exception(pending.error)
