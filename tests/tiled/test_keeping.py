"""What a mount keeps of streams, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.client.test_many_files import CAM, described, folder_of, hdf5
from tests.client.test_streams import Place

from quire.client.connection import Connection
from quire.errors import Conflict
from quire.testing.documents import as_ndjson, make_run
from quire.tiled.keeping import KeptStreams
from quire.tiled.source import Source


@pytest.mark.filterwarnings("ignore::quire.client.streams.UnreadableData")
def test_a_file_that_came_late_is_seen(tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    try:
        folder = folder_of(place, "late")
        parts = [hdf5(folder, first) for first in (0, 10)]
        (folder / "0.h5").rename(folder / "elsewhere")
        told = described("late", parts, goes_on=False)
        run = place.made("late", CAM, [{}] * 6, *told)
        now = 0.0
        address = place.server.address
        connection = Connection(address.url, address.token)
        source = Source(connection, KeptStreams(10**6, lambda: now))
        record = source.record(run.uid)
        columns = source.columns(record, "primary")
        assert source.columns(record, "primary") is columns
        (folder / "elsewhere").rename(folder / "0.h5")
        now = 60.0
        with pytest.raises(Conflict):
            columns.arrays["cam"].values  # noqa: B018
        columns = source.columns(record, "primary")
        found = columns.arrays["cam"][:, 0, 0, 0].values.tolist()
        assert found == [0, 1, 2, 10, 11, 12]
        record = source.record(place.run("count").uid)
        columns = source.columns(record, "primary")
        now = 1e9
        assert source.columns(record, "primary") is columns
    finally:
        place.server.stop()


def test_an_open_run_is_shown_as_it_was_while_it_is_read(tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    try:
        documents = make_run("kept", events=9)
        place.send(as_ndjson(documents[:3]))
        now = 0.0
        address = place.server.address
        connection = Connection(address.url, address.token)
        source = Source(connection, KeptStreams(10**6, lambda: now))
        uid = documents[0].body["uid"]

        def rows(more: int, seconds: float, *, begins: bool = True) -> int:
            nonlocal now
            place.send(as_ndjson(documents[: 3 + more]))
            now = seconds
            found = source.columns(source.record(uid), "primary", begins=begins)
            return len(found.cells["seq_num"])

        assert rows(0, 0) == 1
        assert rows(1, 4) == 1
        assert rows(1, 6, begins=False) == 1
        assert rows(1, 6) == 2
        assert rows(2, 35, begins=False) == 2
        assert rows(2, 37, begins=False) == 3
        assert rows(9, 38) == 9  # and the stop
    finally:
        place.server.stop()


def test_who_asks_at_once_gets_the_same(tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    try:
        uid = place.run("good_load_1000_events").uid
        address = place.server.address
        connection = Connection(address.url, address.token)
        source = Source(connection, KeptStreams(10**6))
        record = source.record(uid)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(source.columns, record, "primary") for _ in range(8)]
        assert len({id(one.result()) for one in asked}) == 1
    finally:
        place.server.stop()
