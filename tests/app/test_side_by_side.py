"""Servers of an older and of a newer version on one database, one after the other."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.app.newer_tree import make_newer

from quire.storage.postgres.schema_steps import newest
from quire.testing.campaigns.postgres import PatientClient
from quire.testing.campaigns.server import ServerProcess

NOW = newest()
STEPS = {
    NOW + 1: (
        "-- expand\nDO $$ DECLARE one record; BEGIN FOR one IN SELECT tablename FROM"
        " pg_tables WHERE schemaname = current_schema() AND tablename <> 'quire_schema'"
        " LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN later integer',"
        " one.tablename); END LOOP; END $$"
    ),
    NOW + 2: (
        "-- expand concurrently\nDROP INDEX CONCURRENTLY IF EXISTS block_later;\n"
        "CREATE INDEX CONCURRENTLY block_later ON block (later);\n"
    ),
    NOW + 3: (
        "-- fill\nUPDATE block SET later = 1 WHERE id IN"
        " (SELECT id FROM block WHERE later IS NULL ORDER BY id LIMIT 100)"
    ),
    NOW + 4: f"-- contract {NOW + 4}\nALTER TABLE block DROP COLUMN later",
}


class Facility:
    """Servers of both versions on one database, and clients that stream to them."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._newer = make_newer(folder / "newer", STEPS)
        self._gone = threading.Event()
        self._streams: list[threading.Thread] = []
        self.servers: list[ServerProcess] = []
        self.clients: list[PatientClient] = []

    def start(self, name: str, *, newer: bool) -> ServerProcess:
        """Start a server of one of the versions."""
        environment = {"QUIRE_DATABASE": self._url}
        if newer:
            environment["PYTHONPATH"] = str(self._newer)
        data = self._folder / "data"
        server = ServerProcess(data, environment=environment, name=name)
        self.servers.append(server)
        server.start()
        return server

    def stream(self, server: ServerProcess) -> None:
        """Have a client send runs to a server until `end`; return once it was heard."""
        client = PatientClient(len(self.clients), hasty=False)
        self.clients.append(client)
        thread = threading.Thread(target=client.stream_to, args=([server], self._gone))
        self._streams.append(thread)
        thread.start()
        while not client.acknowledged:
            assert thread.is_alive(), client.refused
            time.sleep(0.01)

    def end(self) -> None:
        """Let the clients end what they have begun."""
        self._gone.set()
        for thread in self._streams:
            thread.join()
        self._streams.clear()
        self._gone.clear()

    def schema(self) -> int:
        """Return that of the database."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute("SELECT max(version) FROM quire_schema").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def facility(postgres_url: str, tmp_path: Path) -> Iterator[Facility]:
    made = Facility(postgres_url, tmp_path)
    yield made
    made.end()
    for server in made.servers:
        server.kill()


def _lost(server: ServerProcess, client: PatientClient) -> set[str]:
    """Return what was acknowledged to a client, and a server does not have."""
    lost: set[str] = set()
    with server.http() as http:
        for run, acknowledged in client.acknowledged.items():
            reply = http.get(f"/api/v1/runs/{run}/documents")
            reply.raise_for_status()
            lost |= {uid for uid in acknowledged if uid not in reply.text}
    return lost


def _check(facility: Facility, *servers: ServerProcess) -> None:
    """See that nothing was refused for good, and every server has what any kept."""
    facility.end()
    for client in facility.clients:
        assert client.refused == []
        for server in servers:
            assert _lost(server, client) == set()


def test_a_facility_goes_from_one_version_to_the_next(facility: Facility) -> None:
    old = [facility.start(name, newer=False) for name in ("one", "two")]
    for server in old:
        facility.stream(server)
    new = facility.start("three", newer=True)
    # All but the last: it takes away, and there are older servers.
    assert facility.schema() == NOW + 3
    facility.stream(new)
    random.choice(old).kill()
    old.append(facility.start("four", newer=False))
    facility.stream(old[-1])
    facility.end()
    survivors = [server for server in old if server.pid is not None]
    _check(facility, new, *survivors)

    for server in survivors:
        server.stop()
    facility.stream(new)
    newest_server = facility.start("five", newer=True)
    assert facility.schema() == NOW + 4
    facility.stream(newest_server)
    _check(facility, new, newest_server)
    with pytest.raises(RuntimeError, match=f"schema {NOW + 4} or newer"):
        facility.start("six", newer=False)
