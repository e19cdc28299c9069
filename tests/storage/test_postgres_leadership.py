"""Tasks of servers that vanish without a word."""

import asyncio
from urllib.parse import urlsplit

import pytest

from quire.storage.postgres.leadership import PostgresLeadership
from quire.storage.postgres.target import Target
from quire.testing.faults.line import BreakingLine, Wear
from quire.testing.waiting import PATIENCE

# The line says nothing of its cut, for longer than anybody waits here.
SILENT = Wear(pieces=10**9, late=0.0, silence=600.0)


@pytest.mark.crash
async def test_a_task_does_not_stay_with_who_has_vanished(postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    place = (parts.hostname or "", parts.port or 0)
    with BreakingLine(lambda: place, seed=1, wear=SILENT) as line:
        through = postgres_url.replace(f":{place[1]}", f":{line.port}")
        gone = PostgresLeadership(Target(through), silence=1.0)
        other = PostgresLeadership(Target(postgres_url))
        assert await gone.holds("sweep")
        assert not await other.holds("sweep")
        line.cut()
        async with asyncio.timeout(PATIENCE):
            while not await other.holds("sweep"):  # noqa: ASYNC110  # it is asked
                await asyncio.sleep(0.05)
        line.mend()
        assert not await gone.holds("sweep")
        await gone.aclose()
        await other.aclose()
