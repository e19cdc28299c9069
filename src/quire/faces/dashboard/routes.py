"""Pages for people: rendered here first, then kept fresh by small modules."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.follow import Follow
from quire.actions.lab_notebooks import LabNotebooks
from quire.actions.projection_rules import ProjectionRules
from quire.actions.search import Cursor, Page, Question, Search
from quire.actions.submit import Jobs
from quire.errors import InputError, NotFound, QuireError
from quire.faces.dashboard.rendering import PAGED, Rendering
from quire.faces.dashboard.sessions import Sessions
from quire.jobs.job import Job
from quire.ports.job_records import JobQuery
from quire.ports.run_finder import Count, SearchTooSlow
from quire.products.projection.readymade import NAMES
from quire.progress.places import to_text
from quire.progress.steps import steps_of
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.negotiation import wants_page
from quire.web.paging import from_cursor, to_cursor
from quire.web.problems import status_of

_PAGE = 50
_TYPES = {"js": "text/javascript", "css": "text/css"}
_ENTRIES = 2000
_SEARCHED = {"q": Parameter(says="What the search box asks for."), **PAGED}
_LOGIN = Operation(
    query={"code": Parameter(says="Of a login link, good once.")},
    answers={303: None},
    answer_types=(),
)


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
        shown: Rendering,
        search: Search,
        jobs: Jobs,
        follow: Follow,
        sessions: Sessions,
        notebooks: LabNotebooks,
        rules: ProjectionRules,
        front: Mapping[str, str | None],
    ) -> None:
        self._front_json = front
        self._shown = shown
        self._search = search
        self._jobs = jobs
        self._follow = follow
        self._sessions = sessions
        self._notebooks = notebooks
        self._rules = rules

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        pages: dict[str, tuple[Handler, Scope]] = {
            "/projections": (self.projections, Scope.RUNS_READ),
            "/operations/{id}": (self.operation, Scope.RUNS_READ),
            "/operations/{id}/lab": (self.lab, Scope.LABS_RUN),
        }
        forms: dict[str, tuple[Handler, Scope]] = {
            "/operations/{id}/abort": (self.abort, Scope.JOBS_RUN),
            "/operations/{id}/retry": (self.retry, Scope.JOBS_RUN),
            "/projections/{name}/{state}": (self.switch, Scope.ADMIN_ALL),
        }
        shown = self._shown
        login = self._sessions.begin
        return [
            self._front(gate),
            gate.open_route("/login", login, methods=["GET"], describes=_LOGIN),
            gate.open_route("/static/{name}", self.static, methods=["GET"]),
            shown.page(gate, "/jobs", self.jobs, Scope.JOBS_RUN, PAGED),
            *(
                shown.page(gate, path, page, needs)
                for path, (page, needs) in pages.items()
            ),
            *(
                gate.route(path, handler, needs=needs, methods=["POST"])
                for path, (handler, needs) in forms.items()
            ),
        ]

    def _front(self, gate: Gate) -> BaseRoute:
        page = self._shown.page(gate, "/", self.runs, Scope.RUNS_READ, _SEARCHED)

        async def front(request: Request) -> Response:
            if wants_page(request):
                answer: Response = await page.endpoint(request)
                return answer
            return json_response(self._front_json)

        return gate.open_route("/", front, methods=["GET"], describes=page.operation)

    async def runs(self, request: Request, principal: Principal) -> Response:
        """Show runs, newest first, or those that the search box asks for."""
        text = request.query_params.get("q", "").strip()
        cursor = request.query_params.get("cursor")
        # Of all runs the cursor is one with that of the list that the page fetches anew.
        question = Question(text=text, box=bool(text))
        wrong: QuireError | None = None
        found = Page(runs=(), following=None)
        count: Count | None = None
        try:
            found = await self._search.page(
                question, principal, behind=from_cursor(cursor, Cursor), limit=_PAGE
            )
            if text:
                count = await self._search.count(question, principal)
        except (InputError, SearchTooSlow) as error:
            wrong = error
        following = to_cursor(found.following) if found.following else ""
        return self._shown.render(
            "runs.html",
            status=status_of(wrong) if wrong else 200,
            runs=found.runs,
            following=following,
            live=cursor is None and not text,
            query=text,
            wrong=wrong,
            count=count,
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
        return self._shown.render(
            "jobs.html", jobs=shown, following=following, live=live
        )

    async def operation(self, request: Request, principal: Principal) -> Response:
        """Show how an operation goes on, with all that was told of it."""
        name = request.path_params["id"]
        operation = await self._follow.operation(name, principal)
        job: Job | None = None
        if operation.what == "job":
            job = await self._jobs.get(name, principal)
        entries = await self._follow.told(name, _ENTRIES)
        places = to_text({name: entries[-1].number}) if entries else ""
        return self._shown.render(
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

    async def projections(self, _: Request, principal: Principal) -> Response:
        """Show the rules that make products by themselves."""
        rules = await self._rules.standing()
        return self._shown.render(
            "projections.html",
            rules=rules,
            names=NAMES,
            may_switch=principal.has(Scope.ADMIN_ALL),
        )

    async def switch(self, request: Request, principal: Principal) -> Response:
        """Switch a rule, by a form."""
        name, state = request.path_params["name"], request.path_params["state"]
        if state not in ("on", "off"):
            raise NotFound("state", state, "a rule is on or off")
        await self._rules.switch(name, principal, on=state == "on")
        return RedirectResponse("/projections", 303)

    async def lab(self, request: Request, principal: Principal) -> Response:
        """Lead to one's own lab, once it is up."""
        lab = await self._notebooks.labs.get(principal.name)
        url = await self._notebooks.labs.login(principal.name)
        if lab.id != request.path_params["id"] or not url:
            raise NotFound("running lab of yours", request.path_params["id"])
        return RedirectResponse(url, 303)

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
