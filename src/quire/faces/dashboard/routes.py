"""Pages for people: rendered here first, then kept fresh by small modules."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope, require
from quire.actions.follow import Follow
from quire.actions.lab_notebooks import LabNotebooks
from quire.actions.lookup import Lookup
from quire.actions.projection_rules import ProjectionRules
from quire.actions.search import Cursor, Page, Question, Search
from quire.actions.submit import Jobs
from quire.actions.tokens import SESSION_SECONDS, Tokens
from quire.errors import InputError, NotFound, QuireError, Unauthenticated
from quire.faces.dashboard.show import duration, job_title, moment, size
from quire.jobs.job import Job
from quire.ports.job_records import JobQuery
from quire.ports.run_finder import Count, SearchTooSlow
from quire.products.projection.readymade import NAMES
from quire.progress.places import to_text
from quire.progress.steps import steps_of
from quire.web.gate import SESSION_COOKIE, Gate
from quire.web.json import json_response
from quire.web.own_address import own_address
from quire.web.paging import from_cursor, to_cursor
from quire.web.problems import status_of

_PAGE = 50
_TYPES = {"js": "text/javascript", "css": "text/css"}
_ENTRIES = 2000

Shown = Callable[[Request, Principal], Awaitable[Response]]


class DashboardRoutes:
    """What a browser is shown.

    Parameters
    ----------
    front
        What ``GET /`` says to programs.
    """

    def __init__(
        self,
        *,
        search: Search,
        lookup: Lookup,
        jobs: Jobs,
        follow: Follow,
        tokens: Tokens,
        notebooks: LabNotebooks,
        rules: ProjectionRules,
        front: Mapping[str, str | None],
    ) -> None:
        self._front_json = front
        self._search = search
        self._lookup = lookup
        self._jobs = jobs
        self._follow = follow
        self._tokens = tokens
        self._notebooks = notebooks
        self._rules = rules
        self._environment = Environment(
            loader=PackageLoader("quire.faces.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            moment=moment, duration=duration, size=size, job_title=job_title
        )

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        pages: dict[str, tuple[Shown, Scope]] = {
            "/runs/{which}": (self.run, Scope.RUNS_READ),
            "/jobs": (self.jobs, Scope.JOBS_RUN),
            "/projections": (self.projections, Scope.RUNS_READ),
            "/operations/{id}": (self.operation, Scope.RUNS_READ),
            "/operations/{id}/lab": (self.lab, Scope.LABS_RUN),
        }
        one = "/operations/{id}"
        jobs = Scope.JOBS_RUN
        return [
            gate.open_route("/", self._front(gate), methods=["GET"]),
            gate.open_route("/login", self._plainly(self.login), methods=["GET"]),
            gate.open_route("/static/{name}", self.static, methods=["GET"]),
            *(
                gate.open_route(path, self._page(gate, page, needs), methods=["GET"])
                for path, (page, needs) in pages.items()
            ),
            gate.route(f"{one}/abort", self.abort, needs=jobs, methods=["POST"]),
            gate.route(f"{one}/retry", self.retry, needs=jobs, methods=["POST"]),
            gate.route(
                "/runs/{which}/lab",
                self.open_in_lab,
                needs=Scope.LABS_RUN,
                methods=["POST"],
                refuse=self._refused,
            ),
            gate.route(
                "/projections/{name}/{state}",
                self.switch,
                needs=Scope.ADMIN_ALL,
                methods=["POST"],
            ),
        ]

    def _front(self, gate: Gate) -> Callable[[Request], Awaitable[Response]]:
        page = self._page(gate, self.runs, Scope.RUNS_READ)

        async def front(request: Request) -> Response:
            if "text/html" in request.headers.get("accept", ""):
                return await page(request)
            return json_response(self._front_json)

        return front

    def _page(
        self, gate: Gate, page: Shown, needs: Scope
    ) -> Callable[[Request], Awaitable[Response]]:
        async def admitted(request: Request) -> Response:
            principal = await gate.admit(request)
            require(principal, needs)
            return await page(request, principal)

        return self._plainly(admitted)

    def _plainly(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return the page with its errors shown to a person."""

        async def shown(request: Request) -> Response:
            try:
                return await page(request)
            except QuireError as error:
                return self._refused(error)

        return shown

    def _refused(self, error: QuireError) -> Response:
        status = status_of(error)
        return self._render(
            "error.html",
            status=status,
            title=HTTPStatus(status).phrase,
            message=str(error),
            nobody=isinstance(error, Unauthenticated),
        )

    def _render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status, headers={"cache-control": "no-store"})

    async def runs(self, request: Request, principal: Principal) -> Response:
        """Show runs, newest first, or those that the search box asks for."""
        text = request.query_params.get("q", "").strip()
        cursor = request.query_params.get("cursor")
        question = Question(text=text, box=True)
        wrong, found = "", Page(runs=(), following=None)
        count: Count | None = None
        try:
            found = await self._search.page(
                question, principal, behind=from_cursor(cursor, Cursor), limit=_PAGE
            )
            if text:
                count = await self._search.count(question, principal)
        except (InputError, SearchTooSlow) as error:
            wrong = str(error)
        following = to_cursor(found.following) if found.following else ""
        return self._render(
            "runs.html",
            status=400 if wrong else 200,
            runs=found.runs,
            following=following,
            live=cursor is None and not text,
            query=text,
            wrong=wrong,
            count=count,
        )

    async def run(self, request: Request, principal: Principal) -> Response:
        """Show one run."""
        found = await self._lookup.run(request.path_params["which"], principal)
        jobs = [await self._jobs.get(job, principal) for job in found.jobs]
        start = found.run.start_document()
        axes = _axes(start)
        return self._render(
            "run.html",
            run=found.run,
            start=start,
            products=found.products,
            stale=found.stale,
            jobs=jobs,
            # Over one axis of several, a line would go back and forth.
            axis=axes[0][0] if len(axes) == 1 else "",
            axes=[field for fields in axes for field in fields],
        )

    async def jobs(self, request: Request, principal: Principal) -> Response:
        """Show jobs, newest first."""
        before = from_cursor(request.query_params.get("cursor"), tuple[float, str])
        found = await self._jobs.page(
            JobQuery(limit=_PAGE + 1, before=before), principal
        )
        shown = found[:_PAGE]
        more = len(found) > _PAGE
        following = to_cursor((shown[-1].created, shown[-1].id)) if more else ""
        live = "cursor" not in request.query_params
        return self._render("jobs.html", jobs=shown, following=following, live=live)

    async def operation(self, request: Request, principal: Principal) -> Response:
        """Show how an operation goes on, with all that was told of it."""
        name = request.path_params["id"]
        operation = await self._follow.operation(name, principal)
        job: Job | None = None
        if operation.what == "job":
            job = await self._jobs.get(name, principal)
        entries = await self._follow.told(name, _ENTRIES)
        places = to_text({name: entries[-1].number}) if entries else ""
        return self._render(
            "operation.html",
            operation=operation,
            job=job,
            entries=entries,
            places=places,
            steps=steps_of(entries),
        )

    async def abort(self, request: Request, principal: Principal) -> Response:
        """Abort a job, by a form."""
        job = await self._jobs.abort(request.path_params["id"], principal)
        return RedirectResponse(f"/operations/{job.id}", 303)

    async def retry(self, request: Request, principal: Principal) -> Response:
        """Try a job again, by a form."""
        job = await self._jobs.retry(request.path_params["id"], principal)
        return RedirectResponse(f"/operations/{job.id}", 303)

    async def projections(self, request: Request, principal: Principal) -> Response:
        """Show the rules that make products by themselves."""
        del request, principal
        rules = await self._rules.standing()
        return self._render("projections.html", rules=rules, names=NAMES)

    async def switch(self, request: Request, principal: Principal) -> Response:
        """Switch a rule, by a form."""
        name, state = request.path_params["name"], request.path_params["state"]
        if state not in ("on", "off"):
            raise NotFound("state", state, "a rule is on or off")
        await self._rules.switch(name, principal, on=state == "on")
        return RedirectResponse("/projections", 303)

    async def open_in_lab(self, request: Request, principal: Principal) -> Response:
        """Start a lab with a notebook that reads a run, by a form."""
        lab = await self._notebooks.open(
            principal, server=own_address(request), run=request.path_params["which"]
        )
        return RedirectResponse(f"/operations/{lab.id}", 303)

    async def lab(self, request: Request, principal: Principal) -> Response:
        """Lead to one's own lab, once it is up."""
        lab = await self._notebooks.labs.get(principal.name)
        url = await self._notebooks.labs.login(principal.name)
        if lab.id != request.path_params["id"] or not url:
            raise NotFound("running lab of yours", request.path_params["id"])
        return RedirectResponse(url, 303)

    async def login(self, request: Request) -> Response:
        """Turn a login link into a session."""
        issued = await self._tokens.log_in(request.query_params.get("code", ""))
        response = RedirectResponse("/", 303)
        response.set_cookie(
            SESSION_COOKIE,
            issued.secret,
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="lax",
        )
        return response

    async def static(self, request: Request) -> Response:
        """Return one of the pages' own files."""
        name = request.path_params["name"]
        folder = files("quire.faces.dashboard") / "static"
        known = {entry.name: entry for entry in folder.iterdir()}
        if name not in known:
            raise NotFound("file", name)
        kind = _TYPES.get(name.rpartition(".")[2], "text/plain")
        headers = {"cache-control": "no-cache"}
        return Response(known[name].read_bytes(), media_type=kind, headers=headers)


def _axes(start: dict[str, Any]) -> list[list[str]]:
    """Return the fields that were scanned, a list a dimension (`hints.dimensions`)."""
    try:
        named = [fields for fields, _ in start["hints"]["dimensions"]]
    except (KeyError, TypeError, ValueError):
        return []
    found = [
        [field for field in fields if isinstance(field, str) and field != "time"]
        for fields in named
        if isinstance(fields, list)
    ]
    return [fields for fields in found if fields]
