"""Clients that stream runs and remember what was acknowledged to them."""

import itertools
import random
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from quire.testing.campaigns.server import ServerProcess

Item = tuple[str, dict[str, Any]]
MOMENT = 1_700_000_000.0


def new_uid(generator: random.Random) -> str:
    """Return a lower-case dashed UUID from a seeded generator."""
    return str(uuid.UUID(int=generator.getrandbits(128)))


def run_documents(generator: random.Random, events: int) -> Iterator[Item]:
    """Yield the documents of one run with one stream, in their natural order."""
    run, descriptor = new_uid(generator), new_uid(generator)
    yield "start", {"uid": run, "time": MOMENT, "plan_name": "campaign", "scan_id": 1}
    keys = {"level": {"source": "sim:level", "dtype": "number", "shape": []}}
    yield (
        "descriptor",
        {
            "uid": descriptor,
            "time": MOMENT,
            "run_start": run,
            "name": "primary",
            "data_keys": keys,
        },
    )
    for number in range(1, events + 1):
        yield (
            "event",
            {
                "uid": new_uid(generator),
                "time": MOMENT + number,
                "descriptor": descriptor,
                "seq_num": number,
                "data": {"level": generator.random()},
                "timestamps": {"level": MOMENT + number},
            },
        )
    yield (
        "stop",
        {
            "uid": new_uid(generator),
            "time": MOMENT + events + 1,
            "run_start": run,
            "exit_status": "success",
            "num_events": {"primary": events},
        },
    )


class StreamingClient:
    """Streams run after run and notes which uids were acknowledged.

    Parameters
    ----------
    hasty
        Count documents as acknowledged before the reply, and never send again: what
        the negative control does wrong.
    """

    def __init__(self, seed: int, *, hasty: bool) -> None:
        self._generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._hasty = hasty
        self._unsent: list[Item] = []
        self._documents: Iterator[Item] = iter(())
        self._run = ""
        self.acknowledged: dict[str, set[str]] = {}
        self.refused: list[str] = []
        self.touched: set[str] = set()

    def stream(self, server: ServerProcess, gone: threading.Event) -> None:
        """Send until the server is gone; an unanswered batch is kept for next time."""
        with server.http() as http:
            while not gone.is_set():
                batch = self._unsent or self._next_batch()
                self._unsent = [] if self._hasty else batch
                if self._hasty:
                    self._note(batch)
                try:
                    reply = http.post("/api/v1/documents", content=as_lines(batch))
                except httpx.TransportError:
                    return
                if not self._acknowledges(reply, batch):
                    return
                self._unsent = []
                if not self._hasty:
                    self._note(batch)

    def _next_batch(self) -> list[Item]:
        """Return up to 20 documents, all of one run."""
        size = self._generator.randint(1, 20)
        batch = list(itertools.islice(self._documents, size))
        if not batch:
            events = self._generator.randint(5, 200)
            self._documents = run_documents(self._generator, events)
            batch = [next(self._documents)]
            self._run = batch[0][1]["uid"]
        self.touched.add(self._run)
        return batch

    def _note(self, batch: list[Item]) -> None:
        noted = self.acknowledged.setdefault(self._run, set())
        noted.update(doc["uid"] for _, doc in batch)

    def _acknowledges(self, reply: httpx.Response, batch: list[Item]) -> bool:
        if reply.status_code != httpx.codes.OK:
            self.refused.append(f"{reply.status_code}: {reply.text[:200]}")
            return False
        counts = reply.json()
        self.refused += [str(item) for item in counts["refused"]]
        return bool(counts["accepted"] + counts["repeated"] == len(batch))


def as_lines(batch: list[Item]) -> bytes:
    """Return the NDJSON that carries a batch."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in batch)
