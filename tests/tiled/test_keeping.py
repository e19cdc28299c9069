"""What a mount keeps of streams, and for how long."""

from pathlib import Path

import pytest
from tests.client.test_many_files import CAM, described, folder_of, hdf5
from tests.client.test_streams import Place

from quire.client.connection import Connection
from quire.errors import Conflict
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
