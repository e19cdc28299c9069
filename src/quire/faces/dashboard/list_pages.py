"""Pages of what people keep under names: good-run lists and saved queries."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.run_lists import RunLists
from quire.actions.saved_queries import SavedQueries
from quire.errors import NotFound
from quire.faces.dashboard.rendering import PAGED, Rendering
from quire.runs.run_list import RunList
from quire.runs.saved_query import SavedQuery
from quire.web.body import integer
from quire.web.description import Parameter
from quire.web.gate import Gate
from quire.web.paging import from_cursor, to_cursor

_PAGE = 50
_MEMBERS = 200
_VERSIONS = 100
_MOST = 2**31 - 1
_ONE = {"version": Parameter(says="Else the newest.", type=int)}


class ListPageRoutes:
    """Good-run lists, and queries that can be used as ``@name``."""

    def __init__(
        self, *, shown: Rendering, lists: RunLists, queries: SavedQueries
    ) -> None:
        self._shown = shown
        self._lists = lists
        self._queries = queries

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        shown, needs = self._shown, Scope.RUNS_READ
        return [
            shown.page(gate, "/lists", self.lists, needs),
            shown.page(gate, "/lists/{name}", self.list, needs, _ONE),
            shown.page(gate, "/queries", self.queries, needs, PAGED),
            shown.page(gate, "/queries/{owner}/{name}", self.query, needs),
        ]

    async def lists(self, _: Request, principal: Principal) -> Response:
        """Show the newest version of each good-run list, the last made first."""
        newest: dict[str, tuple[RunList, bool]] = {}
        for one, ready in await self._lists.all(principal):
            if one.name not in newest or newest[one.name][0].version < one.version:
                newest[one.name] = (one, ready)
        shown = sorted(newest.values(), key=lambda each: -each[0].at)
        return self._shown.render("lists.html", lists=shown)

    async def list(self, request: Request, principal: Principal) -> Response:
        """Show one version of a good-run list, the newest unless another is asked for."""
        name = request.path_params["name"]
        version = integer(request, "version", None, least=1, most=_MOST)
        found = await self._lists.get(name, version, principal)
        every = await self._lists.all(principal)
        versions = [pair for pair in every if pair[0].name == name]
        return self._shown.render(
            "list.html",
            found=found,
            members=found.members[:_MEMBERS],
            ready={one.version: ready for one, ready in versions}[found.version],
            versions=sorted((one for one, _ in versions), key=lambda one: -one.version),
        )

    async def queries(self, request: Request, principal: Principal) -> Response:
        """Show saved queries, by name."""
        cursor = request.query_params.get("cursor")
        behind = from_cursor(cursor, tuple[str, str]) or ("", "")
        found = await self._queries.listed(principal, behind=behind, limit=_PAGE + 1)
        page = found[:_PAGE]
        following = ""
        if len(found) > len(page):
            following = to_cursor((page[-1].name, page[-1].owner))
        return self._shown.render("queries.html", queries=page, following=following)

    async def query(self, request: Request, principal: Principal) -> Response:
        """Show one saved query, with its versions."""
        owner, name = request.path_params["owner"], request.path_params["name"]
        versions = await self._queries.versions(
            name, principal, owner=owner, limit=_VERSIONS
        )
        return self._shown.render(
            "query.html",
            query=versions[0],
            versions=versions,
            meant=await self._meant(versions[0], principal),
        )

    async def _meant(self, query: SavedQuery, principal: Principal) -> bool:
        """Return whether the principal means this one by its name."""
        try:
            found = await self._queries.get(query.name, principal)
        except NotFound:
            return False
        return (found.owner, found.version) == (query.owner, query.version)
