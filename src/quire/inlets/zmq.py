"""From bluesky's 0MQ proxy, as its own ``RemoteDispatcher`` listens to it.

A message is ``prefix name payload``, parted by single spaces
(``bluesky/callbacks/zmq.py``). The payload is JSON or MessagePack; pickle, which
bluesky's publisher sends unless told otherwise, is refused.

0MQ has no memory: what is published while nobody listens is gone, and so is what a
slow subscriber's queue cannot hold, without an error anywhere.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from quire.inlets.payload import named_item
from quire.ports.inlet import Batch, InletUnavailable, Item
from quire.ports.inlet_records import InletPosition

if TYPE_CHECKING:
    from zmq.asyncio import Socket

_log = logging.getLogger(__name__)
_BATCH = 1024**2
_MOST = 1000
_PARTS = 3
_HEARTBEAT_MS = 5000
_NO_REPLAY = (
    "0MQ has no replay: what is published while nobody listens, or faster than it is "
    "stored, is lost without a word"
)
_AWAY = "the proxy is not connected: what it publishes meanwhile is lost"


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a proxy that is secured by CURVE (``zmq.auth``, certificate files).

    Attributes
    ----------
    secret_file
        Ours, with its secret part.
    server_file
        The proxy's, its public part.
    """

    secret_file: Path
    server_file: Path


class ZmqInlet:
    """`quire.ports.inlet.Inlet` to a proxy.

    Parameters
    ----------
    address
        Where the proxy publishes: ``tcp://host:port``, ``ipc://path`` or
        ``host:port``.
    prefix
        Whose messages alone are read; empty for everybody's.
    queue
        Messages that wait in memory for the store; what does not fit is lost.
    longest
        Bytes of a message; 0MQ leaves a sender of longer ones.
    """

    replays = False

    def __init__(
        self,
        address: str,
        *,
        prefix: str = "",
        curve: Curve | None = None,
        queue: int = 100_000,
        longest: int = 64 * 1024**2,
    ) -> None:
        self.source = address if "://" in address else f"tcp://{address}"
        self._prefix = prefix.encode()
        self._curve = curve
        self._queue = queue
        self._longest = longest
        self._count = itertools.count(1)
        self._undo = contextlib.ExitStack()
        self._socket: Socket | None = None
        self._connected = False
        self._watching: asyncio.Task[None] | None = None
        # Received, but not yet committed: 0MQ does not give it again.
        self._held: list[bytes] = []

    async def begin(self, positions: Sequence[InletPosition]) -> None:  # noqa: ARG002
        """Connect; 0MQ keeps the connection up by itself from then on.

        Raises
        ------
        InletUnavailable
            The address or the keys cannot be used.
        """
        import zmq

        try:
            self._connect()
        except (zmq.ZMQError, OSError, ValueError) as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem

    async def take(self) -> Batch:
        """Wait until a message has come, and return all that wait, in order."""
        import zmq

        if self._socket is None:
            raise InletUnavailable(f"{self.source}: not connected")
        try:
            if not self._held:
                self._held.append(await self._socket.recv())
            size = sum(map(len, self._held))
            while len(self._held) < _MOST and size < _BATCH:
                message = await self._socket.recv(zmq.NOBLOCK)
                self._held.append(message)
                size += len(message)
        except zmq.Again:
            pass
        except zmq.ZMQError as problem:
            raise InletUnavailable(f"{self.source}: {problem}") from problem
        return Batch(items=tuple(map(self._item, self._held)))

    async def commit(self, batch: Batch) -> None:
        """Let go of the batch; there is nobody to tell."""
        del self._held[: len(batch.items)]

    async def aclose(self) -> None:
        """Disconnect; what waits in the queue is lost."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        self._connected, self._socket = False, None
        self._undo.close()

    def notes(self) -> tuple[str, ...]:
        """Return whether the proxy is away, and what 0MQ does not promise."""
        return (_NO_REPLAY,) if self._connected else (_AWAY, _NO_REPLAY)

    def _connect(self) -> None:
        import zmq
        from zmq.asyncio import Context

        with contextlib.ExitStack() as undo:
            context = Context()
            undo.callback(context.term)
            socket = context.socket(zmq.SUB)
            undo.callback(socket.close, linger=0)
            socket.set(zmq.RCVHWM, self._queue)
            socket.set(zmq.MAXMSGSIZE, self._longest)
            socket.set(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
            if self._curve is not None:
                _secure(socket, self._curve)
            # As `prefix == own prefix`, decided where it is sent.
            socket.subscribe(self._prefix + b" " if self._prefix else b"")
            monitor = socket.get_monitor_socket(
                zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
            )
            undo.callback(monitor.close, linger=0)
            socket.connect(self.source)
            self._undo = undo.pop_all()
        self._socket = socket
        self._watching = asyncio.create_task(self._watch(monitor))

    async def _watch(self, monitor: "Socket") -> None:
        import zmq
        from zmq.utils.monitor import parse_monitor_message

        while True:
            said = parse_monitor_message(await monitor.recv_multipart())
            connected = said["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if connected != self._connected:
                words = "the proxy is connected" if connected else _AWAY
                _log.warning("%s: %s", self.source, words)
            self._connected = connected

    def _item(self, message: bytes) -> Item:
        place = f"message {next(self._count)}"
        parts = message.split(b" ", _PARTS - 1)
        if len(parts) < _PARTS:
            fault = "a message is 'prefix name payload', parted by single spaces"
            return Item(place=place, fault=fault, raw=message)
        return named_item(parts[1], parts[2], place=place, raw=message)


def _secure(socket: "Socket", curve: Curve) -> None:
    import zmq
    from zmq.auth import load_certificate

    public, secret = load_certificate(curve.secret_file)
    if secret is None:
        raise ValueError(f"{curve.secret_file} has no secret key")
    server, _ = load_certificate(curve.server_file)
    socket.set(zmq.CURVE_PUBLICKEY, public)
    socket.set(zmq.CURVE_SECRETKEY, secret)
    socket.set(zmq.CURVE_SERVERKEY, server)
