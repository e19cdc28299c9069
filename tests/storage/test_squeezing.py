import os

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.names import DocumentName
from quire.errors import StoreUnavailable
from quire.ports.document_records import Arrival
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.storage.squeezing import Squeezer, whole

SQUEEZER = Squeezer()
JSON = b'{"data": {"detector": 1.25}, "timestamps": {"detector": 1700000000.0}}' * 100


@given(st.binary(max_size=100), st.integers(0, 500))
def test_what_is_squeezed_comes_back(bits: bytes, times: int) -> None:
    body = bits * times
    assert whole(SQUEEZER.squeeze(body), len(body)) == body


def test_documents_take_less_room_and_noise_no_more() -> None:
    assert len(SQUEEZER.squeeze(JSON)) < len(JSON) / 10
    noise = os.urandom(10_000)
    assert SQUEEZER.squeeze(noise) is noise


@pytest.mark.parametrize("place", [0, 4, 12, -1])
def test_a_flipped_bit_does_not_pass(place: int) -> None:
    damaged = bytearray(SQUEEZER.squeeze(JSON))
    damaged[place] ^= 1
    with pytest.raises(StoreUnavailable, match="damaged"):
        whole(bytes(damaged), len(JSON))


async def test_blocks_are_squeezed_in_the_store_and_come_back(tmp_path) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    bodies = (JSON, b"", b"small", JSON + b" ")
    arrivals = [
        Arrival(name=DocumentName.EVENT, raw=raw, keys=(key,), original=raw[:70])
        for key, raw in enumerate(bodies)
    ]
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    await store.decide(lambda tx: tx.documents.append("run", arrivals))
    found = await store.view(lambda tx: tuple(tx.documents.of_run("run")))
    assert [(one.raw, one.original) for one in found] == [
        (raw, raw[:70]) for raw in bodies
    ]
    hits = await store.view(lambda tx: tx.documents.find("run", [3]))
    assert hits[3][0].raw == bodies[3]
    await store.aclose()
    connection = apsw.Connection(str(tmp_path / "quire.sqlite"))
    ((size,),) = connection.execute("SELECT length(body) FROM block")
    connection.close()
    assert size < len(JSON) / 5
