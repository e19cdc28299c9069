"""The index finds what Starlette's own search among all routes finds."""

from collections.abc import Sequence

import httpx
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from quire.app.application import application
from quire.web.description import Operation
from quire.web.gate import Anyone, DeclaredRoute
from quire.web.route_index import RouteIndex

SEGMENTS = ("a", "b", "{x}", "{n:int}", "{x}.txt", "")
PATHS = st.lists(st.sampled_from([*SEGMENTS, "{rest:path}"]), max_size=4)
METHODS = ("GET", "POST", "DELETE")


async def answer(_: Request) -> Response:
    return PlainTextResponse("")


def path_of(segments: Sequence[str]) -> str:
    """Return a path of these segments, each of its places named apart."""
    return "/" + "/".join(
        one.replace("{", "{p" + str(place)) for place, one in enumerate(segments)
    )


def scope_of(path: str, method: str, root: str = "") -> Scope:
    return {"type": "http", "path": root + path, "method": method, "root_path": root}


def plain_search(routes: Sequence[Route], scope: Scope) -> tuple[Match, Scope]:
    """Search as `starlette.routing.Router` does."""
    partial: tuple[Match, Scope] = Match.NONE, {}
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            return match, child
        if match is Match.PARTIAL and partial[0] is Match.NONE:
            partial = match, child
    return partial


@given(
    paths=st.lists(st.tuples(PATHS, st.sampled_from(METHODS)), max_size=12),
    asked=st.lists(
        st.sampled_from(["a", "b", "7", "c.txt", "", "é", "{x}"]), max_size=4
    ),
    method=st.sampled_from(METHODS),
    root=st.sampled_from(["", "/a", "/base"]),
)
def test_it_finds_what_a_plain_search_finds(
    paths: list[tuple[list[str], str]], asked: list[str], method: str, root: str
) -> None:
    routes = [
        Route(path_of(segments), answer, methods=[one]) for segments, one in paths
    ]
    scope = scope_of("/" + "/".join(asked), method, root)
    expected, child = plain_search(routes, scope)
    found, mine = RouteIndex(routes).matches(scope)
    assert found is expected
    chosen = mine.pop("quire.chosen", None)
    assert mine == child
    if expected is Match.FULL:
        first = next(one for one in routes if one.matches(scope)[0] is Match.FULL)
        assert chosen is first


async def test_a_server_answers_as_before() -> None:
    async def say(request: Request) -> Response:
        return PlainTextResponse(f"{request.url.path} {request.path_params}")

    def declared(path: str, method: str) -> DeclaredRoute:
        route = DeclaredRoute(path, say, methods=[method])
        route.needs, route.operation = Anyone.ANYONE, Operation()
        return route

    paths = (("/a/{x}", "GET"), ("/a/{x}", "POST"), ("/files/{rest:path}", "GET"))
    app = application([declared(*one) for one in paths])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1"
    ) as client:
        assert (await client.get("/a/1")).text == "/a/1 {'x': '1'}"
        assert (await client.post("/a/%2F")).text.endswith("{'x': '/'}")
        assert (await client.get("/files/b/c")).text == "/files/b/c {'rest': 'b/c'}"
        assert (await client.put("/a/1")).status_code == 405
        assert (await client.get("/b")).status_code == 404
        assert (await client.get("/a/1/")).status_code == 307
