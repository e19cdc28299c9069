"""Services that ask a real server in their users' names."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

Service = Callable[..., httpx.Client]
FUTURE = "2036-12-20T10:00:00Z"


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    return (f"user{number}" for number in itertools.count())


@pytest.fixture
def service(
    http: httpx.Client, server: ServerProcess, names: Iterator[str]
) -> Iterator[Service]:
    """Return a maker of clients; a user of each test's own by default."""
    opened: list[httpx.Client] = []
    own = next(names)

    def client(name: str = "cutout", user: str = own) -> httpx.Client:
        wanted = {"user": user, "service": name}
        token = http.post("/api/v1/tokens", json=wanted).json()["token"]
        made = httpx.Client(
            base_url=f"{server.address.url}/wobbly",
            headers={"authorization": f"bearer {token}"},
            timeout=PATIENCE,
        )
        opened.append(made)
        return made

    yield client
    for one in opened:
        one.close()


@pytest.fixture
def wobbly(service: Service) -> httpx.Client:
    return service()


@pytest.fixture
def make(wobbly: httpx.Client) -> Callable[..., str]:
    """Return a maker of jobs, which returns their numbers."""

    def made(client: httpx.Client = wobbly, **fields: Any) -> str:
        body = {"json_parameters": {}, "destruction_time": FUTURE, **fields}
        answer = client.post("/jobs", json=body)
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["id"]
        return number

    return made
