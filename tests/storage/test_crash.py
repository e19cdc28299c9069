import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.not_proved import not_proved

PROGRAMS = Path(__file__).parent
CYCLES = 15
LONGEST = 400  # acknowledgements before the kill

pytestmark = pytest.mark.crash


def _killed_after(folder: Path, mode: str, acknowledgements: int) -> set[str]:
    """Return what was acknowledged by a program that was killed."""
    program = [sys.executable, str(PROGRAMS / "crash_program.py"), str(folder), mode]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(acknowledgements)]
        process.kill()
        told += process.stdout.readlines()
    assert told[acknowledgements - 1], "the program ended before it was killed"
    return {
        line.decode().strip().replace("-", "") for line in told if line[-1:] == b"\n"
    }


async def _stored(folder: Path) -> set[str]:
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    await store.aclose()
    connection = apsw.Connection(
        str(folder / "quire.sqlite"), flags=apsw.SQLITE_OPEN_READONLY
    )
    assert connection.pragma("integrity_check") == "ok"
    runs = [row[0].hex() for row in connection.execute("SELECT uid FROM run")]
    blocks = [row[0].hex() for row in connection.execute("SELECT run FROM block")]
    connection.close()
    assert sorted(runs) == sorted(blocks), "part of a decision, or one of them twice"
    return set(runs)


async def _lost(folder: Path, mode: str) -> tuple[int, int]:
    """Return how many of how many acknowledged documents are missing."""
    acknowledged: set[str] = set()
    lost: set[str] = set()
    chance = random.Random(2)  # when to kill is no secret
    for _ in range(CYCLES):
        acknowledged |= await asyncio.to_thread(
            _killed_after, folder, mode, chance.randint(1, LONGEST)
        )
        lost |= acknowledged - await _stored(folder)
    return len(lost), len(acknowledged)


async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    lost, acknowledged = await _lost(tmp_path, "commit")
    sys.stdout.write(f"{lost} lost of {acknowledged} in {CYCLES} kills\n")
    assert acknowledged >= CYCLES
    assert lost == 0


async def test_a_store_that_acknowledges_early_does_lose(tmp_path: Path) -> None:
    lost, acknowledged = await _lost(tmp_path, "early")
    sys.stdout.write(f"{lost} lost of {acknowledged} in {CYCLES} kills\n")
    assert lost > 0


def _filled(folder: Path, size: int) -> dict[str, list[str]]:
    program = [
        sys.executable,
        str(PROGRAMS / "full_program.py"),
        str(folder),
        str(size),
    ]
    run = subprocess.run(program, stdout=subprocess.PIPE, check=True, timeout=60)
    told: dict[str, list[str]] = json.loads(run.stdout)
    return told


def _assert_refused_and_recovered(told: dict[str, list[str]]) -> None:
    assert told["kept"]
    assert told["refused"]
    assert told["found"] == [*told["kept"], "after"]
    assert not told["ready"]


def test_a_file_size_limit_is_a_full_disk(tmp_path: Path) -> None:
    _assert_refused_and_recovered(_filled(tmp_path, 1_000_000))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        why = "only root may mount a tmpfs"
        pytest.skip(not_proved("a full disk", why=why, mend="run as root"))
    point = tmp_path / "disk"
    point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(point)]
    if subprocess.run(mount, check=False).returncode:
        why, mend = "no tmpfs may be mounted here", "run where mount(2) is allowed"
        pytest.skip(not_proved("a full disk", why=why, mend=mend))
    yield point
    subprocess.run(["umount", point], check=True)


def test_a_full_disk_is_refused_until_there_is_space(small_disk: Path) -> None:
    _assert_refused_and_recovered(_filled(small_disk, 0))
