"""From bluesky's own 0MQ proxy, in a process of its own, fed by its own publisher."""

import asyncio
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgpack_numpy  # type: ignore[import-untyped]
import numpy as np
import pytest
import zmq.auth
from bluesky.callbacks.zmq import Publisher

from quire.actions.inlet_pump import InletPump
from quire.documents.document import Document
from quire.inlets.zmq import Curve, ZmqInlet
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

PROGRAM = Path(__file__).with_name("proxy_program.py")
KNOCK = b" knock knock"
Addresses = tuple[str, str]


def as_json(body: Any) -> bytes:
    return json.dumps(body).encode()


def as_msgpack(body: Any) -> bytes:
    packed: bytes = msgpack.dumps(body, default=msgpack_numpy.encode)
    return packed


@contextmanager
def proxy(*arguments: str) -> Iterator[Addresses]:
    """Run a proxy; where publishers send, and where it publishes."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            into, out = child.stdout.readline().split()
            yield into, out
        finally:
            child.kill()


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with proxy() as found:
        yield found


class Door(ZmqInlet):
    """An inlet that hears knocks, and passes on what is none.

    0MQ tells nobody when a subscription has reached the proxy; and until then it
    forwards nothing.
    """

    def __init__(self, address: str, **more: Any) -> None:
        super().__init__(address, **more)
        self.heard = asyncio.Event()

    async def take(self) -> Batch:
        while True:
            batch = await super().take()
            items = tuple(one for one in batch.items if not one.raw.endswith(KNOCK))
            if len(items) < len(batch.items):
                self.heard.set()
                self._held = [one for one in self._held if not one.endswith(KNOCK)]
            if items:
                return Batch(items=items)


class ProxySource:
    """One publisher at a proxy; what it sends bears a prefix of its own."""

    def __init__(
        self, addresses: Addresses, serializer: Callable[[Any], bytes], prefix: str
    ) -> None:
        self._into, self._out = addresses
        self._serializer = serializer
        self._prefix = prefix
        self.prefix = prefix.encode()
        self.publisher = self.other(serializer)

    def other(self, serializer: Callable[[Any], bytes]) -> Publisher:
        return Publisher(self._into, prefix=self.prefix, serializer=serializer)

    def inlet(self, **more: Any) -> Inlet:
        return Door(self._out, prefix=self._prefix, **more)

    def say(self, message: bytes) -> None:
        self.publisher._socket.send(self.prefix + message)

    async def publish(self, documents: Sequence[Document]) -> None:
        for one in documents:
            self.publisher(one.name.value, one.body)

    async def publish_rubbish(self) -> None:
        self.say(b" start \xc1rubbish")

    async def settle(self, pump: InletPump) -> None:
        assert isinstance(pump.inlet, Door)
        while not pump.inlet.heard.is_set():
            self.say(KNOCK)
            await asyncio.sleep(0.01)


@pytest.fixture
def new_source(
    addresses: Addresses, request: pytest.FixtureRequest
) -> Iterator[Callable[[], ProxySource]]:
    made: list[ProxySource] = []
    numbers = count()
    serializer = getattr(request.cls, "serializer", as_json)

    def make() -> ProxySource:
        prefix = f"{request.node.name}/{next(numbers)}".replace(" ", "_")
        made.append(ProxySource(addresses, serializer, prefix))
        return made[-1]

    yield make
    for source in made:
        source.publisher.close()  # type: ignore[no-untyped-call]


class ZmqContract(InletContract):
    replays = False

    @pytest.fixture
    def new_source(self, new_source: Callable[[], Source]) -> Callable[[], Source]:
        return new_source


class TestJson(ZmqContract):
    serializer = staticmethod(as_json)


class TestMsgpack(ZmqContract):
    serializer = staticmethod(as_msgpack)


NewSource = Callable[[], ProxySource]


async def test_pickle_is_refused_with_the_reason_and_never_read(
    new_source: NewSource, tmp_path: Path
) -> None:
    """What bluesky's publisher sends unless told otherwise."""
    source, store = new_source(), new_store()
    pump = new_pump(source.inlet(), store)
    pump.start()
    await source.settle(pump)
    trap = tmp_path / "trap"
    with closing(source.other(pickle.dumps)) as publisher:

        def published() -> bool:
            publisher("start", {"uid": "x", "time": 1.0, "trap": Trap(trap)})
            return pump.tally.refused > 0

        await until(published)
    documents = make_run("run")
    await source.publish(documents)
    await until(lambda: pump.tally.accepted == len(documents))
    await pump.stop()
    reasons = {one.reason for one in await set_aside(store)}
    (reason,) = reasons
    assert "pickle" in reason
    assert "publish JSON or MessagePack" in reason
    assert not trap.exists()
    assert await stored(store) == contents(documents)


class Trap:
    """Reading its pickle makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)

    def __deepcopy__(self, _: Any) -> "Trap":
        return self


def test_the_trap_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "trap")))  # noqa: S301
    assert (tmp_path / "trap").exists()


async def test_arrays_of_msgpack_numpy_become_lists(new_source: NewSource) -> None:
    source, store = new_source(), new_store()
    pump = new_pump(source.inlet(), store)
    pump.start()
    await source.settle(pump)
    (start, *_) = make_run("run")
    image = np.arange(6, dtype=">i2").reshape(2, 3)
    body = {**start.body, "image": image, "scalar": np.float32(0.5)}
    source.say(b" start " + as_msgpack(body))
    await until(lambda: pump.tally.accepted == 1)
    await pump.stop()
    told = {**start.body, "image": image.tolist(), "scalar": 0.5}
    assert await stored(store) == [("start", told)]


async def test_others_prefixes_are_not_read(new_source: NewSource) -> None:
    ours, store = new_source(), new_store()
    pump = new_pump(ours.inlet(), store)
    pump.start()
    await ours.settle(pump)
    documents = make_run("run")
    # What begins like our prefix is not ours either.
    ours.say(b"er start " + as_json(documents[0].body))
    await ours.publish(documents[1:])
    await until(lambda: pump.tally.accepted == len(documents) - 1)
    await pump.stop()
    assert await set_aside(store) == ()


async def test_a_message_without_its_parts_is_set_aside(new_source: NewSource) -> None:
    source, store = new_source(), new_store()
    pump = new_pump(source.inlet(), store)
    pump.start()
    await source.settle(pump)
    messages = (b" start", b" nonsense {}", b" \xff {}", b" start {", b" start []")
    for message in messages:
        source.say(message)
    await until(lambda: pump.tally.refused == 5)
    await pump.stop()
    asides = await set_aside(store)
    assert {one.raw.removeprefix(source.prefix) for one in asides} == set(messages)
    assert all(one.reason for one in asides)


async def test_curve_admits_who_has_the_keys(tmp_path: Path) -> None:
    _, server_secret = zmq.auth.create_certificates(tmp_path, "server")
    _, own_secret = zmq.auth.create_certificates(tmp_path, "own")
    with proxy(server_secret) as addresses:
        source, store = ProxySource(addresses, as_json, "curve"), new_store()
        curve = Curve(secret_file=Path(own_secret), server_file=tmp_path / "server.key")
        pump = new_pump(source.inlet(curve=curve), store)
        with closing(source.publisher):
            pump.start()
            await source.settle(pump)
            documents = make_run("run")
            await source.publish(documents)
            await until(lambda: pump.tally.accepted == len(documents))
            await pump.stop()


@pytest.mark.parametrize("address", ["tcp://nowhere", "what://127.0.0.1:1"])
async def test_an_address_that_is_none_is_told(address: str) -> None:
    inlet = ZmqInlet(address)
    with pytest.raises(InletUnavailable, match=address):
        await inlet.begin(())
    await inlet.aclose()


async def test_keys_that_are_none_are_told(tmp_path: Path) -> None:
    curve = Curve(secret_file=tmp_path / "no", server_file=tmp_path / "no")
    inlet = ZmqInlet("127.0.0.1:1", curve=curve)
    with pytest.raises(InletUnavailable):
        await inlet.begin(())
    await inlet.aclose()


def test_what_0mq_does_not_promise_is_said() -> None:
    assert "no replay" in ZmqInlet("127.0.0.1:1").notes()[-1]


async def test_whether_the_proxy_is_there_is_told() -> None:
    with proxy() as (_, out):
        inlet = ZmqInlet(out)
        await inlet.begin(())
        await until(lambda: len(inlet.notes()) == 1)
    await until(lambda: "not connected" in inlet.notes()[0])
    await inlet.aclose()
