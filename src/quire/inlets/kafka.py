"""From Kafka, in the format of bluesky-kafka: MessagePack of ``[name, document]``.

The group's offsets move only behind our own commit: librdkafka's automatic commits
are off, and a rebalance happens only while we ask for messages, when all that was
taken is committed. So a message may come twice, which does no harm, and is never
left out while the topic keeps it. What it kept no longer is set aside as a gap.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from quire.errors import InputError
from quire.inlets.payload import pair_item
from quire.ports.inlet import Batch, InletUnavailable, Item
from quire.ports.inlet_records import InletPosition

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

T = TypeVar("T")

_MOST = 1000
_WAIT = 0.5
_ASK = 10.0
_OURS: dict[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "enable.partition.eof": False,
}


class KafkaInlet:
    """`quire.ports.inlet.Inlet` to topics, as a member of a consumer group.

    One partition's order is kept.

    Parameters
    ----------
    servers
        ``host:port``, separated by commas.
    topics
        One that begins with ``^`` is a regular expression.
    options
        Further settings of librdkafka; not those that delivery rests on.
    """

    replays = True

    def __init__(
        self,
        servers: str,
        topics: Sequence[str],
        group: str,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if fixed := _OURS.keys() & (options or {}).keys():
            name = min(fixed)
            raise InputError(f"options.{name}", "cannot be set: delivery rests on it")
        self.source = f"kafka://{servers}/{','.join(topics)}"
        self._topics = list(topics)
        self._options = {
            "check.crcs": True,
            **(options or {}),
            "bootstrap.servers": servers,
            "group.id": group,
            **_OURS,
        }
        self._consumer: Consumer | None = None
        self._held: tuple[Item, ...] = ()
        self._offsets: dict[tuple[str, int], int] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._said = ""
        self._thread: ThreadPoolExecutor | None = None

    async def begin(self, positions: Sequence[InletPosition]) -> None:  # noqa: ARG002
        """Join the group; it goes on at its committed offsets, else at the earliest.

        Raises
        ------
        InletUnavailable
            The settings cannot be used.
        """
        await self._run(self._subscribe)

    async def take(self) -> Batch:
        """Wait until messages have come, and return them.

        Raises
        ------
        InletUnavailable
            A partition or the cluster says that it cannot be read.
        """
        while not (items := await self._run(self._consume)):
            pass
        return Batch(items=items)

    async def commit(self, batch: Batch) -> None:  # noqa: ARG002
        """Commit the offsets behind the batch for the group.

        Raises
        ------
        InletUnavailable
            The group has gone on without us: the messages come again.
        """
        await self._run(self._commit)

    async def aclose(self) -> None:
        """Leave the group; what was not committed goes to another member."""
        await self._run(self._leave)
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def notes(self) -> tuple[str, ...]:
        """Return what librdkafka said last of the cluster."""
        return (self._said,) if self._said else ()

    async def _run(self, work: Callable[[], T]) -> T:
        # librdkafka's calls block, and are made one after the other.
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="quire-kafka-in")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _subscribe(self) -> None:
        from confluent_kafka import Consumer, KafkaException

        self._leave()
        try:
            consumer = Consumer({**self._options, "error_cb": self._hear})
        except KafkaException as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem
        self._consumer = consumer
        # With a callback, librdkafka waits with a rebalance until we ask it.
        consumer.subscribe(self._topics, on_revoke=self._give_up, on_lost=self._give_up)

    def _hear(self, error: "KafkaError") -> None:
        self._said = error.str()

    def _give_up(self, _: "Consumer", partitions: "list[TopicPartition]") -> None:
        for each in partitions:
            self._offsets.pop((each.topic, each.partition), None)
            self._next.pop((each.topic, each.partition), None)

    def _consume(self) -> tuple[Item, ...]:
        from confluent_kafka import KafkaException

        if self._held:
            return self._held
        consumer = self._joined()
        try:
            messages = consumer.consume(_MOST, _WAIT)
        except KafkaException as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem
        items: list[Item] = []
        for message in messages:
            error = message.error()
            if error is not None:
                # All of it comes again after the next `begin`.
                raise InletUnavailable(f"{self.source}: {error.str()}")
            items += (*self._gap(consumer, message), self._item(message))
        if items:
            self._said = ""
        self._held = tuple(items)
        return self._held

    def _item(self, message: "Message") -> Item:
        topic, partition = message.topic() or "", message.partition() or 0
        offset = message.offset() or 0
        self._offsets[topic, partition] = offset + 1
        place = f"{topic}[{partition}]@{offset}"
        value = message.value()
        if value is None:
            return Item(place=place, fault="a message without a value")
        return pair_item(bytes(value), place)

    def _gap(self, consumer: "Consumer", message: "Message") -> tuple[Item, ...]:
        """Return what tells of messages that were deleted before they were read."""
        from confluent_kafka import KafkaException, TopicPartition

        topic, partition = message.topic() or "", message.partition() or 0
        offset, where = message.offset() or 0, TopicPartition(topic, partition)
        try:
            if (expected := self._next.get((topic, partition))) is None:
                (committed,) = consumer.committed([where], _ASK)
                expected = committed.offset if committed.offset >= 0 else offset
            # Transactions and compaction leave gaps as well, but behind the lowest.
            lowest = 0
            if expected < offset:
                lowest, _ = consumer.get_watermark_offsets(where, _ASK)
        except KafkaException as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem
        self._next[topic, partition] = offset + 1
        lost = min(lowest, offset) - expected
        if lost <= 0:
            return ()
        fault = f"{lost} messages from here on were deleted before they were read"
        return (Item(place=f"{topic}[{partition}]@{expected}", fault=fault),)

    def _commit(self) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        offsets = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in self._offsets.items()
        ]
        try:
            done = self._joined().commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem
        for each in done:
            if each.error is not None:
                raise InletUnavailable(f"{self.source}: {each.error.str()}")
        self._forget()

    def _joined(self) -> "Consumer":
        if self._consumer is None:
            raise InletUnavailable(f"{self.source}: not connected")
        return self._consumer

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._forget()
        self._next = {}
        if consumer is not None:
            consumer.close()

    def _forget(self) -> None:
        self._held = ()
        self._offsets = {}
