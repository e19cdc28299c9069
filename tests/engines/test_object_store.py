"""Results that come back through an object store."""

import asyncio
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from tests.engines.object_store import object_store
from tests.engines.test_distributed import of_the_page

from quire.engines.distributed import DistributedEngine
from quire.errors import InputError
from quire.jobs.phases import Phase
from quire.ports.transfer import NotReached
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench
from quire.testing.faults.line import BreakingLine, Wear
from quire.transfer.carrier import S3Carrier, carrier
from quire.transfer.signing import Credentials, Signer

pytestmark = pytest.mark.usefixtures("runners_end")

ROUNDS = 10
SETTINGS = {"s3": {"endpoint": "http://127.0.0.1:9"}}
KNOWN = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


class Away(S3Carrier):
    """Cannot be reached at first."""

    def __init__(self, prefix: str, credentials: Credentials) -> None:
        super().__init__(prefix, credentials)
        self.asked = 0

    def fetch(self, path: str, target: Path) -> None:
        """Bring a file, once it was asked for."""
        self.asked += 1
        if self.asked == 1:
            raise NotReached(path, "its server cannot be reached", "retry later")
        super().fetch(path, target)


class Forgetful(S3Carrier):
    """Loses the end of the first file that it brings."""

    def __init__(self, prefix: str, credentials: Credentials) -> None:
        super().__init__(prefix, credentials)
        self.forgot = False

    def fetch(self, path: str, target: Path) -> None:
        """Bring a file, or a part of it."""
        super().fetch(path, target)
        if not self.forgot:
            self.forgot = True
            os.truncate(target, 1000)


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Credentials, str]]:
    with object_store() as found:
        yield found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    doorbell = LocalDoorbell()
    folder = tmp_path / "data"
    folder.mkdir()
    return Bench(MemoryStore(doorbell=doorbell), doorbell, folder)


@asynccontextmanager
async def engine_with(
    carrying: S3Carrier, bench: Bench, folder: Path, *, slots: int = 1
) -> AsyncIterator[DistributedEngine]:
    """Give an engine whose runners see no data folder."""
    server = AttemptServer(bench, carrier=carrying, scratch=str(folder / "scratch"))
    async with server.served():
        launcher = of_the_page().ProcessLauncher(python=sys.executable)
        engine = DistributedEngine(
            server.runners, launcher, bench.doorbell, server.order, slots=slots
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()


@pytest.fixture
async def engine(
    bench: Bench, place: tuple[Credentials, str], tmp_path: Path
) -> AsyncIterator[DistributedEngine]:
    carrying = S3Carrier(f"s3://{place[1]}/here", place[0])
    async with engine_with(carrying, bench, tmp_path) as engine:
        yield engine


async def test_results_and_log_come_back(
    bench: Bench, engine: DistributedEngine, tmp_path: Path
) -> None:
    job = await bench.submit("behave")
    await bench.launch(engine, job)
    done = await bench.until_phase(job, Phase.COMPLETED)
    assert (bench.data_folder / done.results[0].path).read_text() == "42"
    await bench.until_free(engine)
    log = bench.data_folder / "jobs" / job / "1" / "log.txt"
    assert log.read_text() == "said by the work\n"
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]


async def test_a_product_comes_back(
    bench: Bench, engine: DistributedEngine, place: tuple[Credentials, str]
) -> None:
    job = await bench.submit("stage")
    await bench.launch(engine, job)
    await bench.until_phase(job, Phase.COMPLETED)
    product = await bench.store.view(lambda tx: tx.products.get(job))
    assert product is not None
    assert (bench.data_folder / product.file).read_bytes() == b"product"
    left = Signer(place[0]).address("GET", f"s3://{place[1]}/here/jobs/{job}/1/a.part")
    assert (await asyncio.to_thread(httpx.get, left)).status_code == 404


@pytest.mark.parametrize(
    ("prefix", "settings", "environment", "words"),
    [
        ("/folder", SETTINGS, KNOWN, "object store"),
        ("s3://b/x", {}, KNOWN, "no store"),
        ("s3://b/x", {"s3": {"endpont": "x"}}, KNOWN, "endpont"),
        ("s3://b/x", SETTINGS, {}, "AWS_ACCESS_KEY_ID"),
    ],
)
def test_what_is_missing_is_named(
    prefix: str,
    settings: dict[str, dict[str, str]],
    environment: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(InputError, match=words):
        carrier(prefix, settings, environment)


@pytest.mark.crash
async def test_files_come_back_whole_over_lines_that_break(
    bench: Bench, place: tuple[Credentials, str], tmp_path: Path
) -> None:
    """Of the runner to the store, and of the server to it."""
    parts = urlsplit(place[0].endpoint)
    there = (parts.hostname or "", parts.port or 0)
    # A megabyte is 16 to 64 pieces. Most transfers come through, or all would wait long.
    wear = Wear(pieces=150, silent=0.2, silence=0.2, late=0.0)
    seed = random.randrange(10**6)
    with BreakingLine(lambda: there, seed=seed, wear=wear) as line:
        broken = msgspec.structs.replace(
            place[0], endpoint=f"http://127.0.0.1:{line.port}"
        )
        carrying = S3Carrier(f"s3://{place[1]}/broken", broken)
        async with engine_with(carrying, bench, tmp_path, slots=3) as engine:
            rounds = 0
            while not line.broken:  # by chance none does in a round
                rounds += 1
                assert rounds < ROUNDS, seed
                jobs = [await bench.submit("bulky", MEGABYTES=1) for _ in range(3)]
                for job in jobs:
                    await bench.launch(engine, job)
                for job in jobs:
                    done = await bench.until_phase(job, Phase.COMPLETED)
                    [result] = done.results
                    content = (bench.data_folder / result.path).read_bytes()
                    assert hashlib.sha256(content).hexdigest() == result.sha256, seed
                await bench.until_free(engine, 3)


async def test_a_store_that_is_away_for_a_moment_costs_no_attempt(
    bench: Bench, place: tuple[Credentials, str], tmp_path: Path
) -> None:
    carrying = Away(f"s3://{place[1]}/away", place[0])
    async with engine_with(carrying, bench, tmp_path) as engine:
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        ended = await bench.until(
            job, lambda found: found.losses > 0 or found.phase is Phase.COMPLETED
        )
        await bench.until_free(engine)
    assert (ended.phase, ended.losses) == (Phase.COMPLETED, 0)
    assert carrying.asked > 1


async def test_a_file_that_is_not_what_its_runner_made_is_no_result(
    bench: Bench, place: tuple[Credentials, str], tmp_path: Path
) -> None:
    """As where a store has kept a part of it: the next attempt makes it anew."""
    carrying = Forgetful(f"s3://{place[1]}/forgetful", place[0])
    async with engine_with(carrying, bench, tmp_path) as engine:
        job = await bench.submit("bulky", MEGABYTES=1)
        await bench.launch(engine, job)
        lost = await bench.until(job, lambda found: found.losses == 1)
        assert (lost.phase, lost.results) == (Phase.QUEUED, ())
        await bench.launch(engine, job, attempt=2)
        [result] = (await bench.until_phase(job, Phase.COMPLETED)).results
        content = (bench.data_folder / result.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == result.sha256
        await bench.until_free(engine)
