"""From Kafka.

NO REAL BROKER: these run against the mock cluster inside librdkafka
(``test.mock.num.brokers``). It speaks the real protocol, consumer groups included, over
real sockets to the real client library, and `bluesky_kafka`'s own publisher fills it.
But it keeps messages and offsets in memory, replicates nothing and never loses its
disk. What a real cluster does in an election or a power cut is NOT proved here.
"""

import asyncio
import pickle
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import bluesky_kafka  # type: ignore[import-untyped]  # patches msgpack for arrays
import msgpack  # type: ignore[import-untyped]
import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from quire.actions.inlet_pump import InletPump
from quire.documents.document import Document
from quire.errors import InputError
from quire.inlets.kafka import KafkaInlet
from quire.ports.inlet import Batch, Inlet, InletUnavailable
from quire.testing.documents import make_run
from quire.testing.inlet_contract import (
    InletContract,
    Source,
    contents,
    new_pump,
    new_store,
    set_aside,
    stored,
    until,
)

GROUP = "quire"
# The mock cluster does not know of members that leave: it waits until they fall silent;
# and it has the first member of a group wait for 3 s, which is not to be taken for that.
SOON = {"session.timeout.ms": 5000, "heartbeat.interval.ms": 300, "log_level": 0}


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Brokers that live as long as this client."""
    keeper = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "ignored"})
    brokers = keeper.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in brokers)
    keeper.flush(1)


class TopicSource:
    """A topic of its own; bluesky's publisher has one key, so one partition."""

    def __init__(self, servers: str, topic: str) -> None:
        self.servers = servers
        self.topic = topic
        self._publisher = bluesky_kafka.Publisher(
            topic, servers, key="k", producer_config={"linger.ms": 0}
        )
        # Asking for it makes it.
        self._publisher.get_cluster_metadata()

    def inlet(self) -> Inlet:
        return KafkaInlet(self.servers, [self.topic], self.topic, options=SOON)

    async def publish(self, documents: Sequence[Document]) -> None:
        for one in documents:
            self._publisher(one.name.value, one.body)
        await asyncio.to_thread(self._publisher.flush)

    async def publish_rubbish(self) -> None:
        await self.publish_raw(b"\xc1rubbish")

    async def publish_raw(self, value: bytes | None) -> None:
        producer = self._publisher._producer
        producer.produce(self.topic, value, key="k")
        await asyncio.to_thread(producer.flush)

    async def settle(self, pump: InletPump) -> None:
        pass

    def committed(self) -> int:
        """Return how many messages the group has done with."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": self.topic})
        try:
            topic = consumer.list_topics(self.topic, timeout=10).topics[self.topic]
            places = [TopicPartition(self.topic, one) for one in topic.partitions]
            return sum(
                max(one.offset, 0) for one in consumer.committed(places, timeout=10)
            )
        finally:
            consumer.close()


@pytest.fixture
def new_source(
    servers: str, request: pytest.FixtureRequest
) -> Callable[[], TopicSource]:
    numbers = count()
    name = request.node.name
    return lambda: TopicSource(servers, f"{name}.{next(numbers)}.bluesky.documents")


NewSource = Callable[[], TopicSource]


class TestKafka(InletContract):
    @pytest.fixture
    def new_source(self, new_source: Callable[[], Source]) -> Callable[[], Source]:
        return new_source


async def test_offsets_are_committed_only_behind_our_commit(
    new_source: NewSource,
) -> None:
    source = new_source()
    documents = make_run("run", events=5)
    await source.publish(documents)
    inlet = source.inlet()
    await inlet.begin(())
    taken: list[Any] = []
    while len(taken) < len(documents):
        batch = await inlet.take()
        taken = list(batch.items)
        if len(taken) < len(documents):
            # Until it is committed, the same batch comes again.
            assert (await inlet.take()).items == batch.items
            await inlet.commit(batch)
            documents = documents[len(taken) :]
    assert await asyncio.to_thread(source.committed) < 8
    await inlet.commit(Batch(items=()))
    assert await asyncio.to_thread(source.committed) == 8
    await inlet.aclose()


async def test_poison_is_set_aside_with_its_place(new_source: NewSource) -> None:
    source, store = new_source(), new_store()
    documents = make_run("run")
    poison = [
        b"",
        None,
        b"\xc1",
        pickle.dumps(("start", {})),
        msgpack.dumps("start"),
        msgpack.dumps(["start"]),
        msgpack.dumps(["nonsense", {}]),
        msgpack.dumps(["start", {"uid": "no time"}]),
    ]
    await source.publish(documents[:2])
    for each in poison:
        await source.publish_raw(each)
    await source.publish(documents[2:])
    pump = new_pump(source.inlet(), store)
    pump.start()
    await until(lambda: pump.tally.accepted == len(documents))
    await pump.stop()
    assert await stored(store) == contents(documents)
    asides = await set_aside(store)
    assert [one.raw for one in asides] == [each or b"" for each in poison]
    places = [one.place.partition("@") for one in asides]
    assert {place[0].partition("[")[0] for place in places} == {source.topic}
    assert [int(place[2]) for place in places] == list(range(2, 2 + len(poison)))
    assert "pickle" in asides[3].reason


async def test_what_the_topic_kept_no_longer_is_told(new_source: NewSource) -> None:
    source, store = new_source(), new_store()
    documents = make_run("run", events=4)
    await source.publish(documents[:1])
    pump = new_pump(source.inlet(), store)
    pump.start()
    await until(lambda: pump.tally.accepted == 1 and pump.settled)
    await pump.stop()
    await source.publish(documents[1:])
    # The mock keeps 5 MiB of a partition.
    for _ in range(8):
        await source.publish_raw(bytes(900_000))
    pump = new_pump(source.inlet(), store)
    pump.start()
    await until(lambda: pump.tally.refused > 1)
    await pump.stop()
    told = {one.place.rpartition("@")[2]: one.reason for one in await set_aside(store)}
    assert f"{len(documents) - 1 + 8 - 5} messages" in told["1"]


async def test_arrays_of_bluesky_kafka_become_lists(new_source: NewSource) -> None:
    source, store = new_source(), new_store()
    (start, *_) = make_run("run")
    image = np.linspace(0.0, 1.0, 6).reshape(2, 3)
    await source.publish_raw(msgpack.dumps(["start", {**start.body, "image": image}]))
    pump = new_pump(source.inlet(), store)
    pump.start()
    await until(lambda: pump.tally.accepted == 1)
    await pump.stop()
    told = {**start.body, "image": image.tolist()}
    assert await stored(store) == [("start", told)]


async def test_a_second_member_takes_over_and_nothing_is_lost(
    new_source: NewSource,
) -> None:
    """A rebalance in the midst: what was not committed comes to the other."""
    source, store = new_source(), new_store()
    documents = make_run("run", events=40)
    await source.publish(documents[:20])
    first = new_pump(source.inlet(), store)
    second = new_pump(source.inlet(), store)
    first.start()
    await until(lambda: first.tally.accepted == 20)
    second.start()
    await source.publish(documents[20:])
    await first.stop()
    await until(lambda: first.tally.accepted + second.tally.accepted == len(documents))
    await second.stop()
    assert sorted(map(str, await stored(store))) == sorted(
        map(str, contents(documents))
    )


async def test_settings_that_cannot_be_used_are_told() -> None:
    inlet = KafkaInlet("127.0.0.1:1", ["t"], GROUP, options={"no.such.setting": 1})
    with pytest.raises(InletUnavailable, match=r"no\.such\.setting"):
        await inlet.begin(())
    await inlet.aclose()


@pytest.mark.parametrize("name", ["enable.auto.commit", "auto.offset.reset"])
def test_what_delivery_rests_on_cannot_be_set(name: str) -> None:
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        KafkaInlet("127.0.0.1:1", ["t"], GROUP, options={name: "x"})
