import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from quire.testing.not_proved import not_proved
from quire.testing.power_loss.disk import ForgetfulDisk, missing, mounted

pytestmark = pytest.mark.crash


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[ForgetfulDisk]:
    if lacking := missing():
        mend = "run with fuse3 and a /dev/fuse that can be opened"
        pytest.skip(not_proved("power loss", why=lacking, mend=mend))
    with mounted(tmp_path) as found:
        yield found


def lose_power(disk: ForgetfulDisk) -> None:
    disk.cut()
    disk.mount()


def names(disk: ForgetfulDisk) -> list[str]:
    return [file.name for file in disk.mountpoint.iterdir()]


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def test_what_was_written_is_seen_until_the_power_goes(disk: ForgetfulDisk) -> None:
    file = disk.mountpoint / "folder" / "file"
    file.parent.mkdir()
    file.write_bytes(b"seen")

    assert file.read_bytes() == b"seen"
    assert names(disk) == ["folder"]

    lose_power(disk)

    assert names(disk) == []


def test_content_is_kept_by_a_sync_of_the_file(disk: ForgetfulDisk) -> None:
    file = disk.mountpoint / "file"
    file.write_bytes(b"a" * 10_000)
    sync(file)
    sync(disk.mountpoint)
    with file.open("r+b") as writing:
        writing.write(b"b" * 5_000)
        writing.truncate(7_000)

    lose_power(disk)

    assert file.read_bytes() == b"a" * 10_000


def test_a_name_is_kept_by_a_sync_of_its_folder_alone(disk: ForgetfulDisk) -> None:
    synced, named = disk.mountpoint / "synced", disk.mountpoint / "named"
    named.write_bytes(b"content")
    sync(disk.mountpoint)
    synced.write_bytes(b"content")
    sync(synced)

    lose_power(disk)

    assert names(disk) == ["named"]
    assert named.read_bytes() == b""


def test_a_rename_is_forgotten_without_a_sync_of_the_folder(
    disk: ForgetfulDisk,
) -> None:
    part, whole = disk.mountpoint / "part", disk.mountpoint / "whole"
    part.write_bytes(b"content")
    sync(part)
    sync(disk.mountpoint)
    part.rename(whole)

    lose_power(disk)

    assert names(disk) == ["part"]
    part.rename(whole)
    sync(disk.mountpoint)

    lose_power(disk)

    assert names(disk) == ["whole"]
    assert whole.read_bytes() == b"content"


def test_a_removal_is_forgotten_without_a_sync_of_the_folder(
    disk: ForgetfulDisk,
) -> None:
    file = disk.mountpoint / "file"
    file.write_bytes(b"content")
    sync(file)
    sync(disk.mountpoint)
    file.unlink()

    lose_power(disk)

    assert file.read_bytes() == b"content"


@pytest.mark.parametrize(("synchronous", "kept"), [(2, 50), (1, 0)])
def test_sqlite_keeps_commits_with_full_syncs_alone(
    disk: ForgetfulDisk, synchronous: int, kept: int
) -> None:
    name = str(disk.mountpoint / "test.sqlite")
    writer = apsw.Connection(name)
    assert writer.pragma("journal_mode", "wal") == "wal"
    writer.pragma("synchronous", 2)
    writer.execute("CREATE TABLE t (n)")
    writer.pragma("synchronous", synchronous)
    for number in range(50):
        writer.execute("INSERT INTO t VALUES (?)", (number,))
    reader = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY)
    assert reader.execute("SELECT count(*) FROM t").get == 50

    disk.pull_plug()
    reader.close(force=True)
    with pytest.raises(apsw.IOError):
        writer.execute("INSERT INTO t VALUES (50)")
    writer.close(force=True)
    lose_power(disk)

    again = apsw.Connection(name)
    assert again.pragma("integrity_check") == "ok"
    assert again.execute("SELECT count(*) FROM t").get == kept
    again.close()
