"""To Kafka, in the format of bluesky-kafka: MessagePack of ``[name, document]``.

The key of a message is the uid of its run, so that one partition holds a run in its
order (``bluesky_kafka/produce.py`` leaves the key to its caller). The producer is
idempotent and waits for all replicas in sync; documents count as sent once the broker
has confirmed each.
"""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from quire.documents.reading import parse
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Outgoing
from quire.ports.outlet import OutletUnavailable, Refused, RunRejected

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

_BIG_INTEGER = 1
_MIN, _MAX = -(2**63), 2**64
# Of one message; nothing that a later try would change.
_POISON = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD"})
_FLUSH_SECONDS = 0.2  # so that closing is not kept waiting
_OURS = {"enable.idempotence": True, "acks": "all"}


class KafkaOutlet:
    """`quire.ports.outlet.DocumentOutlet` to a topic.

    Parameters
    ----------
    servers
        ``host:port``, separated by commas.
    options
        Further settings of librdkafka; not those that delivery rests on.
    timeout
        Seconds in which a message must be confirmed.
    """

    takes_waiting = False

    def __init__(
        self,
        servers: str,
        topic: str,
        *,
        options: Mapping[str, Any] | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.target = f"kafka://{servers}/{topic}"
        self._topic = topic
        self._timeout = timeout
        self._options = {
            "bootstrap.servers": servers,
            "linger.ms": 5,
            **(options or {}),
            **_OURS,
            "delivery.timeout.ms": int(timeout * 1000),
        }
        self._producer: Producer | None = None
        self._closing = threading.Event()
        # librdkafka's calls block: they have a thread of their own, while it is used.
        self._thread: ThreadPoolExecutor | None = None

    async def send(self, documents: Sequence[Outgoing]) -> tuple[Refused, ...]:
        """Send documents; returns once the broker has confirmed each.

        Raises
        ------
        OutletUnavailable
            Nobody knows what got there; all of it is to be sent again.
        RunRejected
            A message is larger than the broker takes, or cannot be packed.
        """
        if self._thread is None:
            self._closing.clear()
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="quire-kafka")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._send, documents)
        return ()

    async def aclose(self) -> None:
        """Drop what was not confirmed."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(self._close, thread)

    def _close(self, thread: ThreadPoolExecutor) -> None:
        thread.shutdown(cancel_futures=True)
        self._drop()

    def _flush(self, producer: "Producer") -> int:
        """Wait for the confirmations; return how many are missing."""
        deadline = time.monotonic() + self._timeout
        while left := producer.flush(_FLUSH_SECONDS):
            if self._closing.is_set() or time.monotonic() > deadline:
                break
        return left

    def _send(self, documents: Sequence[Outgoing]) -> None:
        from confluent_kafka import KafkaException

        failures: list[tuple[Outgoing, KafkaError]] = []
        # Packed first: a document that cannot be keeps its neighbours from nothing.
        packed = [(one, _packed(one)) for one in documents]
        try:
            producer = self._connected()
            for one, value in packed:
                # Nothing of a run may overtake what of it could not be sent.
                if all(one.run != failed.run for failed, _ in failures):
                    self._produce(producer, one, value, failures)
            left = self._flush(producer)
        except (KafkaException, BufferError) as problem:
            self._drop()
            raise OutletUnavailable(f"{self.target}: {problem}") from problem
        if not left and not failures:
            return
        # An idempotent producer is done for after a loss: the next one begins anew.
        self._drop()
        for one, error in failures:
            if error.name() in _POISON:
                raise RunRejected(one.run or "", one.document.number, error.str())
        said = failures[0][1].str() if failures else f"{left} messages not confirmed"
        raise OutletUnavailable(f"{self.target}: {said}")

    def _produce(
        self,
        producer: "Producer",
        one: Outgoing,
        value: bytes,
        failures: "list[tuple[Outgoing, KafkaError]]",
    ) -> None:
        from confluent_kafka import KafkaException

        def delivered(error: "KafkaError | None", _: object) -> None:
            if error is not None:
                failures.append((one, error))

        key = (one.run or "").encode()
        try:
            producer.produce(self._topic, value, key, on_delivery=delivered)
        except KafkaException as problem:
            error: KafkaError = problem.args[0]
            if error.name() in _POISON:
                failures.append((one, error))
                return
            raise
        producer.poll(0)

    def _connected(self) -> "Producer":
        from confluent_kafka import Producer

        if self._producer is None:
            self._producer = Producer(self._options)
        return self._producer

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1.0)


def encode(document: StoredDocument) -> bytes:
    """Return a document as bluesky-kafka's consumers read it.

    An integer beyond 64 bits, which MessagePack does not know, is extension type 1
    with its decimal digits.

    Raises
    ------
    UnicodeEncodeError
        A text holds half a character (a lone surrogate).
    """
    body = parse(document.name, document.raw).body
    item = [document.name.value, body]
    try:
        return msgspec.msgpack.encode(item)
    except OverflowError:
        return msgspec.msgpack.encode(_wrapped(item))


def _packed(one: Outgoing) -> bytes:
    try:
        return encode(one.document)
    except (UnicodeEncodeError, ValueError) as problem:
        said = f"cannot be packed: {problem}"
        raise RunRejected(one.run or "", one.document.number, said) from problem


def _wrapped(value: Any) -> Any:
    match value:
        case dict():
            return {key: _wrapped(item) for key, item in value.items()}
        case list():
            return [_wrapped(item) for item in value]
        case int() if not _MIN <= value < _MAX:
            return msgspec.msgpack.Ext(_BIG_INTEGER, str(value).encode())
        case _:
            return value
