"""Two servers on one store and one data folder, each with an engine of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.test_embedded import PROGRAM

from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.engine_bench import Bench, noted

Servers = list[tuple[Bench, EmbeddedEngine]]


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    doorbell = LocalDoorbell()
    store = MemoryStore(doorbell=doorbell)
    both = []
    for name in ("one", "two"):
        bench = Bench(store, doorbell, tmp_path, server=name)
        engine = EmbeddedEngine(bench.attempts, doorbell, PROGRAM, slots=1, server=name)
        await engine.start()
        both.append((bench, engine))
    yield both
    for _, engine in both:
        await engine.stop()


async def test_who_comes_second_leaves_the_folder_of_the_first_alone(
    servers: Servers, tmp_path: Path
) -> None:
    (bench, first), (other, second) = servers
    notes = tmp_path / "notes"
    notes.mkdir()
    job = await bench.submit("sleep", NOTES=str(notes))
    await bench.launch(first, job)
    await noted(notes, "worker.1")
    written = tmp_path / "jobs" / job / "1" / "half.part"
    await other.launch(second, job)
    await other.until_free(second)
    assert written.read_text() == "half"
    found = await bench.job(job)
    assert (found.phase, found.server) == (Phase.EXECUTING, "one")
    await bench.abort(job)
    await first.kill(job, 1)
    assert not written.exists()
