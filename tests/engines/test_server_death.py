import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quire.testing.engine_bench import alive, noted, until_dead

PROGRAM = Path(__file__).with_name("server_program.py")
JOB = "11111111-1111-4111-8111-111111111111"

pytestmark = pytest.mark.crash


@contextmanager
def server(folder: Path) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, PROGRAM, folder, JOB])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


async def pids(folder: Path, attempt: int) -> tuple[int, int, int]:
    daemon, _ = await noted(folder, f"daemon.{attempt}")
    worker, supervisor = await noted(folder, f"worker.{attempt}")
    return supervisor, worker, daemon


async def test_nothing_outlives_a_killed_server(tmp_path: Path) -> None:
    with server(tmp_path) as pid:
        below = await pids(tmp_path, 1)
        os.kill(pid, signal.SIGKILL)
        for descendant in below:
            await until_dead(descendant)


async def test_the_next_start_kills_what_a_dead_supervisor_left(
    tmp_path: Path,
) -> None:
    with server(tmp_path) as pid:
        supervisor, worker, daemon = await pids(tmp_path, 1)
        os.kill(pid, signal.SIGSTOP)
        os.kill(supervisor, signal.SIGKILL)
        await until_dead(worker)
        os.kill(pid, signal.SIGKILL)
    assert alive(daemon)
    with server(tmp_path):
        await pids(tmp_path, 2)
        assert not alive(daemon)
        below = await pids(tmp_path, 2)
    for descendant in below:
        await until_dead(descendant)
