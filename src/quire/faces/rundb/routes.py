"""`/rest/v1/runs/`: Belle II's RunDB REST (``reference/rundb.md``)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.access.proxy import TrustedProxy
from quire.actions.lookup import By, Lookup
from quire.actions.search import Cursor, Page, Question, Search
from quire.errors import InputError, NotFound, QuireError
from quire.faces.rundb.days import Days
from quire.faces.rundb.parameters import PARAMETERS, Asked, read
from quire.faces.rundb.swagger import description, page
from quire.faces.rundb.wire import summary, whole
from quire.ports.run_finder import RunOrder
from quire.runs.facility import NumberRule
from quire.runs.run import Run
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor
from quire.web.problems import status_of
from quire.web.proxy import public_base

_ROOT = "/rest/v1/runs/"
_LARGEST_PAGE = 1_000
_TYPES = {"integer": int, "boolean": bool, "string": str}
_FARTHEST = 100_000
_FEW = 100
"""So many runs are shown sooner than a thread takes over; of more others would wait."""

_NETRC = (
    "; if you did send a token: an entry for this host in ~/.netrc makes some clients"
    " send that instead"
)


class Rest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What the address of the next page carries."""

    behind: Cursor
    count: int | None
    seen: int


class RunDbRoutes:
    """Runs, ascending by experiment and run.

    Parameters
    ----------
    public_url
        Where clients see this server, if not where they, or the proxy, say that they
        ask.
    days
        What days dates are, in what zone.
    """

    def __init__(
        self,
        search: Search,
        lookup: Lookup,
        rule: NumberRule,
        public_url: str,
        proxy: TrustedProxy,
        days: Days,
    ) -> None:
        self._search = search
        self._lookup = lookup
        self._rule = rule
        self._public_url = public_url.rstrip("/")
        self._proxy = proxy
        self._days = days

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""

        def route(
            path: str, handler: Any, describes: Operation | None = None
        ) -> BaseRoute:
            return gate.route(
                path,
                handler,
                needs=Scope.RUNS_READ,
                methods=["GET"],
                refuse=refuse,
                describes=describes,
            )

        return [
            route(_ROOT, self.list, Operation(query=self._searches())),
            route(f"{_ROOT}{{uid}}/", self.run),
            gate.open_route("/rest/v1/swagger/", self.swagger, methods=["GET"]),
        ]

    def _searches(self) -> Mapping[str, Parameter]:
        return {
            one.name: Parameter(
                says=one.description.format(zone=self._days.zone),
                type=_TYPES[one.type],
                many=one.repeated,
            )
            for one in PARAMETERS
        }

    async def list(self, request: Request, principal: Principal) -> Response:
        """Return a page of runs."""
        given = request.query_params.multi_items()
        asked = read(given, self._days, largest=_LARGEST_PAGE)
        question = Question(text=asked.text, also=asked.where)
        rest = from_cursor(asked.cursor, Rest)
        if rest is None:
            count = await self._count(question, principal)
            found = await self._offset(question, principal, asked)
            seen = asked.offset
        else:
            count, seen = rest.count, rest.seen
            found = await self._page(question, principal, rest.behind, asked.limit)
        return json_response(
            {
                "count": count,
                "next": self._next(request, found, count, seen + len(found.runs)),
                "previous": None,
                "results": await self._results(request, found, expand=asked.expand),
            }
        )

    async def run(self, request: Request, principal: Principal) -> Response:
        """Return one run, whole."""
        uid = request.path_params["uid"]
        found = await self._lookup.run(uid, principal, by=By.UID)
        if (
            found.run.uid != uid
        ):  # a prefix of another's, which is not who was asked for
            raise NotFound("run", uid)
        return json_response(self._shown(request, found.run, expand=True))

    async def swagger(self, request: Request) -> Response:
        """Return the OpenAPI description: JSON, or a page for browsers."""
        if "text/html" in request.headers.get("accept", ""):
            return Response(page(self._days.zone), media_type="text/html")
        return json_response(description(self._base(request), self._days.zone))

    async def _count(self, question: Question, principal: Principal) -> int | None:
        count = await self._search.count(question, principal, lacking=False)
        if count.exact:
            return count.matched
        everything = question.also is None and not question.text.strip()
        # There are counters of all runs; to count what is asked for may take long.
        return await self._search.total(question, principal) if everything else None

    async def _offset(
        self, question: Question, principal: Principal, asked: Asked
    ) -> Page:
        """Return the page behind an offset, as old callers ask for it."""
        if asked.offset > _FARTHEST:
            raise InputError(
                "offset", f"{asked.offset} is too far", f"at most {_FARTHEST}; use next"
            )
        behind: Cursor | None = None
        left = asked.offset
        while left:
            step = min(left, _LARGEST_PAGE)
            skipped = await self._page(question, principal, behind, step)
            left -= len(skipped.runs)
            behind = skipped.following
            if behind is None:
                return Page(runs=(), following=None)
        return await self._page(question, principal, behind, asked.limit)

    async def _page(
        self,
        question: Question,
        principal: Principal,
        behind: Cursor | None,
        limit: int,
    ) -> Page:
        return await self._search.page(
            question, principal, order=RunOrder.NUMBER, behind=behind, limit=limit
        )

    def _next(
        self, request: Request, found: Page, count: int | None, seen: int
    ) -> str | None:
        if found.following is None:
            return None
        rest = Rest(behind=found.following, count=count, seen=seen)
        given = [
            (name, text)
            for name, text in request.query_params.multi_items()
            if name not in ("cursor", "offset")
        ]
        query = urlencode([*given, ("cursor", to_cursor(rest))])
        return f"{self._base(request)}{_ROOT}?{query}"

    async def _results(
        self, request: Request, found: Page, *, expand: bool
    ) -> Sequence[Mapping[str, Any]]:
        def shown() -> Sequence[Mapping[str, Any]]:
            return [self._shown(request, run, expand=expand) for run in found.runs]

        few = len(found.runs) <= _FEW
        return shown() if few else await asyncio.to_thread(shown)

    def _shown(self, request: Request, run: Run, *, expand: bool) -> Mapping[str, Any]:
        url = f"{self._base(request)}{_ROOT}{quote(run.uid, safe='')}/"
        if expand:
            return whole(run, url, self._rule, self._days)
        return summary(run, url, self._rule)

    def _base(self, request: Request) -> str:
        return self._public_url or public_base(request, self._proxy)


def refuse(error: QuireError) -> Response:
    """Return an error as Django REST Framework would: an object with ``detail``."""
    status = status_of(error)
    if isinstance(error, InputError) and status == 422:  # noqa: PLR2004
        status = 400
    detail = str(error) + (_NETRC if status == 401 else "")  # noqa: PLR2004
    headers = {"www-authenticate": 'Bearer realm="quire"'} if status == 401 else None  # noqa: PLR2004
    return json_response({"detail": detail}, status, headers=headers)
