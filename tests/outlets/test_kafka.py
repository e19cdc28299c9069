"""Forwarding to Kafka.

NO REAL BROKER: these run against the mock cluster inside librdkafka
(``test.mock.num.brokers``). It speaks the real protocol over real sockets to the real
client library, but keeps messages in memory, replicates nothing and never loses its
disk. What a real cluster does in an election or a power cut is NOT proved here.
"""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import bluesky_kafka  # type: ignore[import-untyped]  # noqa: F401  # patches msgpack
import msgpack  # type: ignore[import-untyped]
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.names import DocumentName
from quire.outlets.kafka import KafkaOutlet, encode
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet import DocumentOutlet, OutletUnavailable, RunRejected
from quire.ports.store import Store
from quire.testing.documents import document, make_run, make_uid
from quire.testing.outlet_contract import OutletContract, Target, take

TOPIC = "xpd.bluesky.runengine.documents"


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Brokers that live as long as this client."""
    keeper = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "ignored"})
    brokers = keeper.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in brokers)
    keeper.flush(1)


class KafkaTarget:
    def __init__(self, servers: str) -> None:
        self._servers = servers

    def outlet(self) -> DocumentOutlet:
        return KafkaOutlet(self._servers, TOPIC)

    async def received(self, run: str) -> list[dict[str, Any]]:
        messages = await asyncio.to_thread(read, self._servers)
        return [body for key, _, (_, body) in messages if key == run]


def read(servers: str) -> list[tuple[str, int, Any]]:
    """Return key, partition and content of all messages, each partition in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "judge",
            "fetch.wait.max.ms": 20,
        }
    )
    found = []
    try:
        partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        for number in partitions:
            place = TopicPartition(TOPIC, number)
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            consumer.assign([TopicPartition(TOPIC, number, low)])
            for _ in range(high - low):
                message = consumer.poll(10)
                assert message is not None
                assert message.error() is None, message.error()
                key, value = message.key(), message.value()
                assert isinstance(key, bytes)
                found.append((key.decode(), number, msgpack.loads(value)))
    finally:
        consumer.close()
    return found


class TestKafkaOutlet(OutletContract):
    @pytest.fixture
    async def target(self, servers: str) -> Target:
        return KafkaTarget(servers)


async def _outgoing(store: Store) -> list[Outgoing]:
    return list(await store.view(lambda tx: tx.outbox.after(Position(), Amount())))


async def test_each_run_lies_in_one_partition(store: Store, servers: str) -> None:
    for seed in range(8):
        await take(store, make_run(("partition", seed), 3))
    outlet = KafkaOutlet(servers, TOPIC)
    await outlet.send(await _outgoing(store))
    await outlet.aclose()
    places: dict[str, set[int]] = {}
    for key, partition, _ in await asyncio.to_thread(read, servers):
        places.setdefault(key, set()).add(partition)
    uids = {make_uid(("partition", seed), "start") for seed in range(8)}
    ours = {key: where for key, where in places.items() if key in uids}
    assert set(ours) == uids
    assert all(len(where) == 1 for where in ours.values())
    assert len(set.union(*ours.values())) > 1


async def test_a_message_that_is_too_large_stops_its_run_alone(
    store: Store, servers: str
) -> None:
    await take(store, make_run("small", 2))
    big = {"uid": make_uid("big"), "time": 1.0, "note": "x" * 5000}
    await take(store, [document("start", big)])
    outlet = KafkaOutlet(servers, TOPIC, options={"message.max.bytes": 1500})
    with pytest.raises(RunRejected, match="large") as caught:
        await outlet.send(await _outgoing(store))
    assert caught.value.run == make_uid("big")
    await outlet.aclose()


async def test_nothing_overtakes_a_message_that_is_too_large(
    store: Store, servers: str
) -> None:
    start, descriptor, *events = make_run("overtaken", 3)
    data = {**events[0].body["data"], "key0": "x" * 5000}
    big = {**events[0].body, "data": data}
    await take(store, [start, descriptor, document("event", big), *events[1:]])
    outlet = KafkaOutlet(servers, TOPIC, options={"message.max.bytes": 1500})
    with pytest.raises(RunRejected):
        await outlet.send(await _outgoing(store))
    await outlet.aclose()
    received = await KafkaTarget(servers).received(start.body["uid"])
    assert received == [start.body, descriptor.body]


async def test_what_cannot_be_packed_stops_its_run_alone(servers: str) -> None:
    raw = rb'{"uid": "x", "time": 1.0, "note": "\ud800"}'
    bad = StoredDocument(number=1, name=DocumentName.START, raw=raw, keys=(1,))
    outlet = KafkaOutlet(servers, TOPIC)
    with pytest.raises(RunRejected, match="cannot be packed"):
        await outlet.send([Outgoing(run="x", document=bad)])
    await outlet.aclose()


async def test_brokers_that_are_away_are_tried_again(store: Store) -> None:
    await take(store, make_run("away", 1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outlet = KafkaOutlet(
            f"127.0.0.1:{taken.getsockname()[1]}",
            TOPIC,
            timeout=0.5,
            options={"log_level": 0, "linger.ms": 0},
        )
        with pytest.raises(OutletUnavailable):
            await outlet.send(await _outgoing(store))
        await outlet.aclose()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(body=st.dictionaries(st.text(), values))
def test_msgpack_gives_back_the_document(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    stored = StoredDocument(number=1, name=DocumentName.START, raw=raw, keys=())
    found = msgpack.loads(encode(stored), ext_hook=_integer)
    assert found == ["start", body]


def _integer(code: int, data: bytes) -> Any:
    assert code == 1
    return int(data)
