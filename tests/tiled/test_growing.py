"""Streams that are read on, and when they are read anew."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.test_streams import Place

from quire.client.connection import Connection
from quire.client.run import run_at
from quire.testing.documents import as_ndjson, document, make_uid
from quire.tiled.columns import Columns
from quire.tiled.growing import GrowingStream, followed

RUN = make_uid("growing", "start")
DESCRIPTORS = [make_uid("growing", "descriptor", number) for number in range(2)]


def described(number: int, time: float, **more: Any) -> Any:
    told = {"source": "test", "dtype": "number", "shape": []}
    body = {
        "uid": DESCRIPTORS[number],
        "run_start": RUN,
        "time": time,
        "name": "primary",
        "data_keys": {"x": told, "word": {**told, "dtype": "string"}, **more},
    }
    return document("descriptor", body)


def event(number: int, x: Any, time: float = 0.0, descriptor: int = 0) -> Any:
    data = {"x": x, "word": f"w{number}", "wave": [float(number)] * 3}
    body = {
        "uid": make_uid("growing", "event", number, time),
        "descriptor": DESCRIPTORS[descriptor],
        "seq_num": number,
        "time": 1.7e9 + number + time,
        "data": data,
        "timestamps": dict.fromkeys(data, 1.7e9 + number + time),
    }
    return document("event", body)


WAVE = {"wave": {"source": "test", "dtype": "array", "shape": [3]}}
SENT = {
    "the first": [
        document("start", {"uid": RUN, "time": 1.7e9, "scan_id": 1}),
        described(0, 1.7e9, **WAVE),
    ],
    "some rows": [event(number, 0.5 * number) for number in (1, 2)],
    "more": [event(number, 0.5 * number) for number in (3, 4, 6)],
    "one that was late": [event(5, 2.5)],
    "a rewind behind": [event(6, 3.5, 50.0), event(7, 3.5)],
    "another type": [event(8, 2**60 + 1)],
    "a descriptor": [described(1, 1.6e9, **WAVE), event(9, 4.5, descriptor=1)],
    "a further key": [
        document("event", {**event(10, 1.0).body, "data": {"new": True}}),
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("growing"))
    yield place
    place.server.stop()


def test_what_was_read_on_is_what_is_read_anew(place: Place) -> None:
    address = place.server.address
    connection = Connection(address.url, address.token)
    path = f"/api/v1/runs/{RUN}"
    growing = GrowingStream(connection, path, "primary")
    for name, documents in SENT.items():
        place.send(as_ndjson(documents))
        stream = run_at(connection, RUN)["primary"]
        assert growing.read().identical(stream.read()), name
        assert growing.timestamps().identical(stream.timestamps()), name
        assert growing.table().equals(stream.table(), check_metadata=True), name


def test_times_are_those_of_the_rows_that_were_read(place: Place) -> None:
    place.send(as_ndjson([one for each in SENT.values() for one in each]))
    address = place.server.address
    path = f"/api/v1/runs/{RUN}"
    stream = GrowingStream(Connection(address.url, address.token), path, "primary")
    columns = Columns(stream)
    place.send(as_ndjson([event(11, 0.5), event(12, 0.5)]))
    assert list(columns.cells["seq_num"]) == list(range(1, 11))
    assert len(columns.times["ts_x"]) == len(columns.cells["seq_num"])
    assert columns.times["ts_x"][8] == event(9, 4.5).body["time"]
    np.testing.assert_array_equal(columns.times["ts_new"], [np.nan] * 10)


def rows(*numbers: int, events: int) -> Any:
    made = pa.table({"seq_num": pa.array(numbers, pa.int64())})
    return made.replace_schema_metadata({"events": str(events), "told": "x"})


def test_only_rows_behind_those_that_are_known_are_asked_for() -> None:
    asked: list[int] = []

    def fetch(after: int) -> Any:
        asked.append(after)
        return rows(4, 6, events=5)

    found = followed(rows(1, 2, 3, events=3), fetch)
    assert found.equals(rows(1, 2, 3, 4, 6, events=5), check_metadata=True)
    assert followed(rows(1, 2, events=2), fetch) is None
    assert followed(rows(-1, events=1), fetch) is None
    assert asked == [3, 2]
    known = rows(1, 2, 3, events=3)
    assert followed(known.replace_schema_metadata({"events": "3"}), fetch) is None
    assert followed(known.replace_schema_metadata(), fetch) is None
