"""The server's side of a supervisor: start it, order it, hear it."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quire.engines.embedded.messages import Gone, Kill, Spawn, Watch, encode
from quire.engines.embedded.processes import MARKER, kill_marked

_PACKET = 65536
# Seconds that a supervisor may take to end its worker.
_SWEEP_PATIENCE = 1.5
# Seconds that a supervisor may take to sweep and end before it is killed.
_PATIENCE = 5.0


class Supervision:
    """One supervisor process and the control socket to it.

    Parameters
    ----------
    program
        Module of the supervisor's program and its arguments; see `quire.worker`.
    marker
        What tells the processes of this slot from all others.
    log
        Gets what the supervisor itself says.
    """

    def __init__(self, program: Sequence[str], *, marker: str, log: Path) -> None:
        self._marker = marker
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(0)
        self._gone: dict[int, asyncio.Future[Gone]] = {}
        with contextlib.ExitStack() as begun, theirs, log.open("ab") as output:
            begun.callback(self._control.close)
            self._process = subprocess.Popen(  # noqa: S603  # the root's own program
                [sys.executable, "-m", *program, "--control", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(marker),
            )
            begun.pop_all()
        self._listening = asyncio.create_task(self._listen())

    def spawn(self, generation: int) -> tuple[socket.socket, asyncio.Future[Gone]]:
        """Order a worker.

        Returns
        -------
        The server's end of the line to it, and what becomes done once none of its
        processes is left.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        gone = asyncio.get_running_loop().create_future()
        self._gone = {generation: gone}
        if self._listening.done():
            gone.set_result(_unsupervised(generation))
        with theirs, contextlib.suppress(OSError):
            order = encode(Spawn(generation=generation))
            socket.send_fds(self._control, [order], [theirs.fileno()])
        return ours, gone

    def kill(self, generation: int) -> None:
        """Order the end of a worker and everything that it started."""
        with contextlib.suppress(OSError):
            self._control.send(encode(Kill(generation=generation)))

    def watch(self, order: Watch) -> None:
        """Order that a worker is ended when it uses too much."""
        with contextlib.suppress(OSError):
            self._control.send(encode(order))

    async def until_gone(self, gone: asyncio.Future[Gone]) -> Gone:
        """Return what ended the ordered worker, once none of its processes is left.

        A supervisor that does not see to it in time, as one that was stopped, is
        killed, and its slot swept without it.
        """
        try:
            async with asyncio.timeout(_SWEEP_PATIENCE):
                return await asyncio.shield(gone)
        except TimeoutError:
            self._process.kill()
            return await gone

    @property
    def dead(self) -> bool:
        """Whether the supervisor has gone."""
        return self._listening.done()

    async def aclose(self) -> None:
        """End the supervisor and everything below it."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._listening
                await asyncio.to_thread(self._process.wait, _PATIENCE)
        except (TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
        finally:
            self._control.close()
        await asyncio.to_thread(self._sweep)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while packet := await loop.sock_recv(self._control, _PACKET):
                self._tell(msgspec.json.decode(packet, type=Gone))
        await asyncio.to_thread(self._sweep)
        for generation in list(self._gone):
            self._tell(_unsupervised(generation))

    def _tell(self, told: Gone) -> None:
        gone = self._gone.get(told.generation)
        if gone is not None and not gone.done():
            gone.set_result(told)

    def _sweep(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        kill_marked(self._marker)
        self._process.wait()


def _unsupervised(generation: int) -> Gone:
    return Gone(generation=generation, status="its supervisor died")


def _environment(marker: str) -> dict[str, str]:
    # One thread a slot in numerical libraries: the slots are what runs in parallel,
    # and a process with threads is no good parent for forks.
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**single, **os.environ, MARKER: marker}
