"""The runners that tests have started as children of their own."""

import asyncio

import psutil

from quire.testing.waiting import until_async


async def ended() -> None:
    """Wait until the loop knows of the end of each: asyncio warns of others, later.

    An engine that stops lets go of its runners, and they go on.
    """
    await until_async(_are_gone)
    for _ in range(5):  # the loop is told by a thread that has waited for it
        await asyncio.sleep(0.01)


def _are_gone() -> bool:
    try:
        return not any(
            "quire.runner" in one.cmdline()
            for one in psutil.Process().children()
            if one.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # just now
        return False
