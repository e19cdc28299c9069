"""What was acknowledged, kept by whoever sends, to be set against what is stored."""

import random
from collections.abc import Iterable

import httpx

from quire.testing.campaigns.clients import Item, as_lines, run_documents
from quire.testing.campaigns.documents import stored_uids


class Ledger:
    """Makes batches, each a run of its own; sends them, and remembers what was said."""

    def __init__(self, seed: int) -> None:
        self._generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.acknowledged: dict[str, set[str]] = {}

    def batch(self, events: int) -> list[Item]:
        """Return the documents of a new run."""
        return list(run_documents(self._generator, events))

    def send(self, http: httpx.Client, batch: list[Item]) -> int:
        """Send a batch and return the status of the answer."""
        reply = http.post("/api/v1/documents", content=as_lines(batch))
        if reply.status_code == httpx.codes.OK:
            counts = reply.json()
            if counts["accepted"] + counts["repeated"] != len(batch):
                raise RuntimeError(f"documents without a fault refused: {counts}")
            run = batch[0][1]["uid"]
            self.acknowledged[run] = {doc["uid"] for _, doc in batch}
        return reply.status_code

    def problems(
        self, http: httpx.Client, runs: Iterable[str] | None = None
    ) -> list[str]:
        """Return what is lost or doubled, of some runs or of all; empty if nothing."""
        found = []
        for run in self.acknowledged if runs is None else runs:
            stored = stored_uids(http, run)
            lost = len(self.acknowledged.get(run, set()) - stored.keys())
            doubled = sum(times > 1 for times in stored.values())
            if lost or doubled:
                found.append(f"run {run}: {lost} lost, {doubled} doubled")
        return found
