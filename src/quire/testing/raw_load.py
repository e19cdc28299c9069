"""Clients in processes of their own, whose bodies are made beforehand.

What makes and encodes documents while it measures is soon what is measured. Here a run is
encoded once; each later run is the same but for a part of its uids.
"""

import asyncio
import itertools
import math
import multiprocessing
import re
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from quire.client.discovery import Address
from quire.testing.bench_documents import bodies_of, run_of
from quire.testing.raw_client import post_all, request

_BATCHES = 20  # of a run
_UID = re.compile(rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-4[0-9a-f]{3}-)")
_STAMP = b"~~~~~~~~"


class Load:
    """Posts batches of documents to servers, by one process of clients for each.

    Every body holds as many documents. Enter it to start the processes.

    Parameters
    ----------
    clients
        Of each server; each posts runs of its own, a batch once the one before is
        acknowledged.
    batch
        Documents of a body.
    """

    def __init__(
        self, addresses: Sequence[Address], *, clients: int, batch: int
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._batch = batch
        self._links: list[Connection[float, float]] = []
        self._processes = []
        for place, address in enumerate(addresses):
            ours, theirs = context.Pipe()
            asked = (theirs, address, place, clients, batch)
            self._links.append(ours)
            self._processes.append(
                context.Process(target=_clients, args=asked, daemon=True)
            )

    def __enter__(self) -> Self:
        """Start the processes, and wait until they could post."""
        for process in self._processes:
            process.start()
        for link in self._links:
            link.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.join()

    def post(self, seconds: float) -> float:
        """Post for so long; return documents that were acknowledged a second.

        Raises
        ------
        EOFError
            A process ended: an answer was no success, as it says on standard error.
        """
        for link in self._links:
            link.send(seconds)
        return self._batch * sum(link.recv() for link in self._links)

    @property
    def processes(self) -> list[int]:
        """The ids of the processes."""
        return [process.pid for process in self._processes if process.pid]


def _clients(
    link: "Connection[float, float]",
    address: Address,
    place: int,
    clients: int,
    batch: int,
) -> None:
    bodies = _mould(batch)
    feeds = [_runs(address, bodies, place, number) for number in range(clients)]
    link.send(math.nan)  # they could post
    while True:
        seconds = link.recv()
        begun = time.perf_counter()
        done = asyncio.run(post_all(address, feeds, begun + seconds))
        link.send(done / (time.perf_counter() - begun))


def _mould(batch: int) -> list[bytes]:
    """Return the bodies of a run whose uids begin with a stamp."""
    opening, events, stop = run_of(batch * _BATCHES - 3)
    return [
        _UID.sub(_STAMP, body) for body in bodies_of([*opening, *events, *stop], batch)
    ]


def _runs(
    address: Address, bodies: Sequence[bytes], place: int, number: int
) -> Iterator[bytes]:
    """Yield the requests of one run after another."""
    for run in itertools.count():
        fresh = b"%01x%02x%05x" % (place, number, run)
        for body in bodies:
            yield request(address, body.replace(_STAMP, fresh))
