"""Kill PostgreSQL and servers under load: nothing acknowledged is lost or doubled.

    python -m quire.testing.campaigns.postgres --cycles 100

Clients stream documents to two servers on one database, each batch to any of the two.
In each cycle one of these is killed (SIGKILL) at a random moment and started again: all
processes of PostgreSQL at once, the process of one of its connections, or a server. A
batch without an answer is sent again, to any server. With ``--control`` the clients
take a document for acknowledged before the reply: that must lose.
"""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from quire.testing.campaigns.clients import Item, StreamingClient, as_lines
from quire.testing.campaigns.documents import Figures, as_it_must, compare
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer

CLIENTS = 4
LONGEST_CYCLE = 1.0  # seconds of load before a kill
_PAUSE = 0.05
_VICTIMS = ("postgres", "postgres", "connection", "server")


class PatientClient(StreamingClient):
    """Sends each batch to any of several servers until one has acknowledged it."""

    def stream_to(
        self, servers: Sequence[ServerProcess], gone: threading.Event
    ) -> None:
        """Send until told to end."""
        while not gone.is_set():
            batch = self._unsent or self._next_batch()
            self._unsent = [] if self._hasty else batch
            if self._hasty:
                self._note(batch)
            if self._sent(servers, batch):
                self._unsent = []
                if not self._hasty:
                    self._note(batch)
            else:
                gone.wait(_PAUSE)

    def _sent(self, servers: Sequence[ServerProcess], batch: list[Item]) -> bool:
        try:
            with self._generator.choice(servers).http() as http:
                reply = http.post("/api/v1/documents", content=as_lines(batch))
        except httpx.TransportError:
            return False
        if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False
        return self._acknowledges(reply, batch)


class Stand:
    """A PostgreSQL and two servers on one database of it.

    Parameters
    ----------
    folder
        Where the servers have their data folder.
    """

    def __init__(self, folder: Path, generator: random.Random) -> None:
        self._generator = generator
        self._stack = contextlib.ExitStack()
        # Where the user postgres can reach it.
        place = Path(tempfile.mkdtemp(prefix="quire-campaign-postgres-"))
        self.postgres = self._stack.enter_context(PostgresServer(place))
        url = self._stack.enter_context(self.postgres.database("campaign"))
        self.servers = [
            ServerProcess(
                folder / "data", environment={"QUIRE_DATABASE": url}, name=name
            )
            for name in ("one", "two")
        ]
        try:
            for server in self.servers:
                self._stack.callback(server.kill)
                server.start()
        except BaseException:
            self.close()
            raise

    def strike(self) -> str:
        """Kill something, and start it again; return what it was."""
        victim = self._generator.choice(_VICTIMS)
        if victim == "postgres":
            self.postgres.kill()
            time.sleep(self._generator.uniform(0.0, 0.3))
            self.postgres.start()
        elif victim == "connection":
            self.postgres.kill_one()
        else:
            server = self._generator.choice(self.servers)
            server.kill()
            self.postgres.wait()
            server.start()
        return victim

    def close(self) -> None:
        """End all of it."""
        self._stack.close()


def campaign(folder: Path, *, cycles: int, seed: int, control: bool = False) -> Figures:
    """Run so many cycles on a new database.

    Parameters
    ----------
    control
        Let the clients count documents as acknowledged too early.
    """
    generator = random.Random(seed)  # noqa: S311 - repeatable, not secret
    clients = [
        PatientClient(generator.getrandbits(64), hasty=control) for _ in range(CLIENTS)
    ]
    stand = Stand(folder, generator)
    try:
        gone = threading.Event()
        threads = [
            threading.Thread(target=client.stream_to, args=(stand.servers, gone))
            for client in clients
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(cycles):
                time.sleep(generator.uniform(0.05, LONGEST_CYCLE))
                stand.strike()
        finally:
            gone.set()
            for thread in threads:
                thread.join()
        stand.postgres.wait()
        wait_until_ready(stand.servers[0])
        return compare(stand.servers[0], clients, cycles)
    finally:
        stand.close()


def wait_until_ready(server: ServerProcess, seconds: float = 60.0) -> None:
    """Return once a server takes documents again.

    Raises
    ------
    TimeoutError
        It does not.
    """
    give_up = time.monotonic() + seconds
    with server.http() as http:
        while http.get("/readyz").status_code != httpx.codes.OK:
            if time.monotonic() > give_up:
                raise TimeoutError(http.get("/readyz").text)
            time.sleep(_PAUSE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign from the command line; 0 if it ended as it must."""
    parser = argparse.ArgumentParser(prog="python -m quire.testing.campaigns.postgres")
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--control", action="store_true", help="must lose documents")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="quire-campaign-"))
    begun = time.monotonic()
    figures = campaign(
        folder, cycles=chosen.cycles, seed=chosen.seed, control=chosen.control
    )
    name = "postgres, negative control" if chosen.control else "postgres"
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{name}: seed {chosen.seed}, {figures.line()}, {seconds:.0f} s\n")
    for reason in figures.refused[:5]:
        sys.stdout.write(f"  refused: {reason}\n")
    good = as_it_must(figures, control=chosen.control)
    if good:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"NOT as it must be; what servers said is kept: {folder}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
