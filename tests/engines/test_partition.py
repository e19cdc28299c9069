"""A line between runners and server that breaks at random."""

import asyncio
import contextlib
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.engines.runners import ended
from tests.engines.test_distributed import of_the_page

from quire.engines.distributed import DistributedEngine
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.ports.launcher import RunnerOrder
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench

JOBS = 12
# Of a hundred pieces so many are lost, with the connection that they came by.
LOST = 15

pytestmark = pytest.mark.crash


class Proxy:
    """Passes bytes on, and resets connections at random: before and behind either end."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._dice = random.Random(seed)
        self.resets = Counter[str]()
        self._taken: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for task in self._taken:
            task.cancel()
        await asyncio.gather(*self._taken, return_exceptions=True)

    async def _take(
        self, client: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        both = (back, writer)
        for task in (
            asyncio.create_task(self._pass(client, writer, both, "asked")),
            asyncio.create_task(self._pass(reader, back, both, "answered")),
        ):
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, ...],
        way: str,
    ) -> None:
        try:
            while chunk := await source.read(65536):
                if self._dice.randrange(100) < LOST:
                    self.resets[way] += 1
                    break
                target.write(chunk)
        except ConnectionError:
            pass  # as when the other way has been reset
        finally:
            for writer in both:
                writer.transport.abort()


async def test_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    doorbell = LocalDoorbell()
    bench = Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path)
    server = AttemptServer(bench)
    async with server.served() as url:
        proxy = Proxy(int(url.rpartition(":")[2]), seed)
        async with proxy.served() as through:

            async def order(launch: Launch) -> RunnerOrder:
                return replace(await server.order(launch), url=through)

            launcher = of_the_page().ProcessLauncher(python=sys.executable)
            engine = DistributedEngine(
                server.runners, launcher, doorbell, order, slots=JOBS
            )
            await engine.start()
            jobs = [await bench.submit("behave") for _ in range(JOBS)]
            for job in jobs:
                await bench.launch(engine, job)
            for job in jobs:
                done = await bench.until_phase(job, Phase.COMPLETED)
                assert (done.attempt, done.losses) == (1, 0), seed
                said = await bench.messages(job)
                assert said == ["info: Half way", "complete: Behaved"], seed
            await bench.until_free(engine, JOBS)
            await ended()  # while the server can be told that they leave
            await engine.stop()
    assert proxy.resets["asked"]
    assert proxy.resets["answered"]
