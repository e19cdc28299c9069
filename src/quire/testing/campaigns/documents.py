"""Kill the server while clients send: nothing acknowledged may be lost or doubled.

    python -m quire.testing.campaigns.documents --cycles 100

Each cycle lets four clients stream documents, kills the server (SIGKILL) at a random
moment, starts it again on the same data folder, and compares what was acknowledged
with what is stored. With ``--control`` the clients do what they must not: they take a
document for acknowledged before the reply. That must lose, or the campaign could not
see a loss.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import httpx
import msgspec

from quire.testing.campaigns.clients import StreamingClient
from quire.testing.campaigns.server import ServerProcess

CLIENTS = 4
# Long enough for a kill to fall into any part of many requests.
LONGEST_CYCLE = 0.6
_LOOK = 0.005


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign found.

    Attributes
    ----------
    acknowledged, stored
        Documents.
    lost
        Acknowledged, but not stored.
    doubled
        Stored more than once.
    refused
        What the server said about documents that it did not take.
    """

    cycles: int
    acknowledged: int
    stored: int
    lost: int
    doubled: int
    refused: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the closing line."""
        return (
            f"{self.cycles} cycles, {self.acknowledged} acknowledged, "
            f"{self.stored} stored: {self.lost} lost, {self.doubled} doubled, "
            f"{len(self.refused)} refused"
        )


def campaign(folder: Path, *, cycles: int, seed: int, control: bool = False) -> Figures:
    """Run so many cycles on a new data folder.

    Parameters
    ----------
    control
        Let the clients count documents as acknowledged too early.
    """
    generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
    clients = [
        StreamingClient(generator.getrandbits(64), hasty=control)
        for _ in range(CLIENTS)
    ]
    server = ServerProcess(folder)
    server.start()
    try:
        for _ in range(cycles):
            stream_until(
                server, clients, generator.uniform(0.02, LONGEST_CYCLE), server.kill
            )
            server.start()
        return compare(server, clients, cycles)
    finally:
        server.kill()


def stream_until(
    server: ServerProcess,
    clients: Sequence[StreamingClient],
    seconds: float,
    end: Callable[[], None],
) -> None:
    """Let clients stream for so long, then end the server in the midst of it.

    The time begins with the first acknowledgement: a slow machine has none for long.
    """
    gone, heard = threading.Event(), _heard(clients)
    threads = [
        threading.Thread(target=client.stream, args=(server, gone))
        for client in clients
    ]
    for thread in threads:
        thread.start()
    while _heard(clients) == heard and any(one.is_alive() for one in threads):
        time.sleep(_LOOK)
    time.sleep(seconds)
    end()
    gone.set()
    for thread in threads:
        thread.join()


def _heard(clients: Iterable[StreamingClient]) -> int:
    """Return how many documents were acknowledged."""
    return sum(len(run) for one in clients for run in list(one.acknowledged.values()))


def compare(
    server: ServerProcess, clients: Iterable[StreamingClient], cycles: int
) -> Figures:
    """Set what clients heard against what a running server has."""
    acknowledged: dict[str, set[str]] = {}
    runs: set[str] = set()
    refused: list[str] = []
    for client in clients:
        acknowledged |= client.acknowledged
        runs |= client.touched
        refused += client.refused
    stored, lost, doubled = 0, 0, 0
    with server.http() as http:
        for run in sorted(runs):
            found = stored_uids(http, run)
            stored += found.total()
            lost += len(acknowledged.get(run, set()) - found.keys())
            doubled += sum(times - 1 for times in found.values())
    return Figures(
        cycles=cycles,
        acknowledged=sum(len(uids) for uids in acknowledged.values()),
        stored=stored,
        lost=lost,
        doubled=doubled,
        refused=tuple(refused),
    )


def stored_uids(http: httpx.Client, run: str) -> Counter[str]:
    """Return how often each uid is among a run's stored documents."""
    reply = http.get(f"/api/v1/runs/{run}/documents", params={"order": "received"})
    if reply.status_code == httpx.codes.NOT_FOUND:
        return Counter()
    reply.raise_for_status()
    items = (msgspec.json.decode(line) for line in reply.content.splitlines() if line)
    return Counter(doc["uid"] for _, doc in items)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign from the command line; 0 if it ended as it must."""
    parser = argparse.ArgumentParser(prog="python -m quire.testing.campaigns.documents")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--control", action="store_true", help="must lose documents")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="quire-campaign-"))
    begun = time.monotonic()
    figures = campaign(
        folder / "data", cycles=chosen.cycles, seed=chosen.seed, control=chosen.control
    )
    name = "documents, negative control" if chosen.control else "documents"
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{name}: seed {chosen.seed}, {figures.line()}, {seconds:.0f} s\n")
    for reason in figures.refused[:5]:
        sys.stdout.write(f"  refused: {reason}\n")
    good = as_it_must(figures, control=chosen.control)
    if good:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"NOT as it must be; the data folder is kept: {folder}\n")
    return 0 if good else 1


def as_it_must(figures: Figures, *, control: bool) -> bool:
    """Return whether a campaign ended as it must: without losses, or with."""
    if control:
        return figures.lost > 0
    return bool(
        figures.acknowledged
        and not (figures.lost or figures.doubled or figures.refused)
    )


if __name__ == "__main__":
    sys.exit(main())
