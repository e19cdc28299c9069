"""Whatever a route reads of its address is described in `/openapi.json`."""

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.faces.parameters_read import EVERY, read_by

from quire.app.server import Server
from quire.config import Settings
from quire.faces.rundb.parameters import PARAMETERS
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.web.body import integer
from quire.web.gate import Anyone, DeclaredRoute

IN_OTHER_WAYS = {
    "/wobbly/": {"phase", "since", "cursor", "limit"},
    "/rest/v1/runs/": {one.name for one in PARAMETERS},
    "/api/v1/jobs": {"parameters.NAME"},
    "/uws/": {"NAME"},
    # Commands and forms of pages, which read their body alone.
    "/dpm/{command}": set(),
    "/daq/{command}": set(),
    "/runs/{which}/quality/{form}": set(),
}
"""What is described where names are read that do not stand in the source."""


@pytest.fixture
def routes(tmp_path: Path) -> list[DeclaredRoute]:
    doorbell = LocalDoorbell()
    settings = Settings.load(data_folder=tmp_path, port=0)
    server = Server(settings, MemoryStore(doorbell=doorbell), doorbell)
    return [route for route in server.routes if isinstance(route, DeclaredRoute)]


def test_every_parameter_that_is_read_is_described(routes: list[DeclaredRoute]) -> None:
    wrong = {}
    for route in routes:
        read, said = read_by(route), set(route.operation.query)
        if EVERY in read:
            known = [one for one in IN_OTHER_WAYS if route.path.startswith(one)]
            assert known, f"{route.path} reads parameters in a way that is not followed"
            read = (read - {EVERY}) | IN_OTHER_WAYS[known[0]]
        if read != said:
            wrong[f"{route.methods} {route.path}"] = {
                "not described": sorted(read - said),
                "not read": sorted(said - read),
            }
    assert wrong == {}


async def forgetful(request: Request) -> Response:
    page = await asyncio.to_thread(_page, request, name="limit")
    given = request.query_params
    return Response(f"{page}{given['cursor']}" if "deep" in given else "")


def _page(request: Request, name: str) -> int:
    return integer(request, name, None, least=1, most=9) or 1


async def dynamic(request: Request) -> Response:
    return Response("".join(request.query_params.keys()))


def test_a_forgotten_one_is_seen() -> None:
    def reading(route: DeclaredRoute) -> frozenset[str]:
        route.needs = Anyone.ANYONE
        return read_by(route)

    assert reading(DeclaredRoute("/a", forgetful)) == {"limit", "cursor", "deep"}
    assert reading(DeclaredRoute("/b", dynamic)) == {EVERY}
