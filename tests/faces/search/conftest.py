"""Runs that searches are asked for, in a server of their own."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess

RUNS = 24


def uid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-00000000beef"


def start(number: int) -> dict[str, Any]:
    return {
        "uid": uid(number),
        "time": 1_700_000_000.0 + 60 * number,
        "scan_id": number % 20,
        "plan_name": ("count", "scan", "grid_scan")[number % 3],
        "sample": {"name": f"Cu{number}" if number % 2 else "Ni", "T": number / 2},
        "run_type": "physics" if number < 18 else "cosmic",
        "experiment": 26 + number // 12,
        "run": number % 12 + 1,
        "detectors": {"status_pxd": "RUNNING" if number % 4 else "OFF"},
        "data_groups": ["beam"] if number % 5 == 0 else [],
        "hostile": "=1+1",
    }


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(RUNS):
        yield "start", start(number)
        if number != RUNS - 1:
            stop = {
                "uid": f"stop-{number}",
                "run_start": uid(number),
                "time": 1_700_000_030.0 + 60 * number,
                "exit_status": "success" if number % 6 else "fail",
            }
            yield "stop", stop


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("searched") / "data")
    process.start()
    body = "\n".join(json.dumps(pair) for pair in documents())
    headers = {"content-type": "application/x-ndjson"}
    with process.http() as client:
        answer = client.post("/api/v1/documents", content=body, headers=headers)
        assert answer.json()["accepted"] == 2 * RUNS - 1
    yield process
    process.stop()


@pytest.fixture
def http(searched: ServerProcess) -> Iterator[httpx.Client]:
    with searched.http() as client:
        yield client
