"""Servers of one database have one data folder."""

import threading
from pathlib import Path

import pytest

from quire.errors import StoreUnavailable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.data_folder import DataFolder
from quire.storage.postgres.store import PostgresStore
from quire.testing.documents import make_run
from quire.testing.outlet_contract import take


async def _opened(url: str, folder: Path) -> PostgresStore:
    folder.mkdir(exist_ok=True)
    return await PostgresStore.open(
        url, doorbell=LocalDoorbell(), writers=2, folder=folder
    )


async def test_another_folder_is_refused_while_servers_are_at_work(
    postgres_url: str, tmp_path: Path
) -> None:
    one = await _opened(postgres_url, tmp_path / "one")
    same = await _opened(postgres_url, tmp_path / "one")
    said = rf"{tmp_path}/one, this one has .*{tmp_path}/two: give all of them the same"
    with pytest.raises(StoreUnavailable, match=said):
        await _opened(postgres_url, tmp_path / "two")
    await one.aclose()
    with pytest.raises(StoreUnavailable, match=said):
        await _opened(postgres_url, tmp_path / "two")
    await take(same, make_run(1, 3))
    await same.aclose()


async def test_a_folder_takes_the_place_of_one_that_nobody_has(
    postgres_url: str, tmp_path: Path
) -> None:
    """So does a backup, and a folder that was copied to another machine."""
    one = await _opened(postgres_url, tmp_path / "one")
    await one.aclose()
    two = await _opened(postgres_url, tmp_path / "two")
    with pytest.raises(StoreUnavailable, match="/two, this one has"):
        await _opened(postgres_url, tmp_path / "one")
    await two.aclose()


def test_all_that_begin_in_a_folder_at_once_know_it_by_one_name(tmp_path: Path) -> None:
    begin, found = threading.Barrier(8), set[str]()

    def look() -> None:
        begin.wait()
        found.add(DataFolder(tmp_path).id)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {DataFolder(tmp_path).id}
    assert [file.name for file in tmp_path.iterdir()] == ["folder-id"]
