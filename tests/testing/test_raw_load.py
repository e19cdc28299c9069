"""Clients in processes of their own."""

from pathlib import Path

import pytest

from quire.client.discovery import Address
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_load import Load

BATCH = 10


def test_what_the_clients_count_is_in_the_store(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    try:
        with Load([server.address], clients=3, batch=BATCH) as load:
            assert len(load.processes) == 1
            while not load.post(0.2):
                continue
        with server.http() as http:
            answer = http.get("/api/v1/runs?limit=1000").raise_for_status().json()
    finally:
        server.kill()
    found = {run["documents"] % BATCH for run in answer["runs"]}
    assert found == {0}  # whole batches, each one acknowledged


def test_a_refusal_is_not_counted(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    stranger = Address(url=server.address.url, token="wrong")  # noqa: S106
    try:
        with Load([stranger], clients=1, batch=BATCH) as load, pytest.raises(EOFError):
            _post_on(load)
    finally:
        server.kill()


def _post_on(load: Load) -> None:
    while True:
        load.post(0.2)
