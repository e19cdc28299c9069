"""A run's page: what is known of it, what people say of it, and how they say it."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.annotate import Annotate
from quire.actions.lab_notebooks import LabNotebooks
from quire.actions.lookup import By, Lookup
from quire.actions.submit import Jobs
from quire.errors import NotFound, QuireError
from quire.faces.dashboard.quality_forms import (
    Wrong,
    is_form,
    read_change,
    read_seen,
    wrong,
)
from quire.faces.dashboard.rendering import Rendering, fields_of
from quire.runs.annotations import Annotations, SignOff
from quire.runs.changes import Entry, SetSignOff, undone
from quire.runs.overtaking import judged_since_signed
from quire.runs.run import Run
from quire.runs.run_list import PRIMARY
from quire.web.gate import Gate
from quire.web.own_address import own_address
from quire.web.problems import status_of

_CHANGES = 100
_VALUES = ("good", "bad")  # suggested where the facility declares none
# What may follow a sign-off; that a second person completes it is checked later.
_NEXT = {
    SignOff.OPEN: (SignOff.SIGNED_OFF,),
    SignOff.SIGNED_OFF: (SignOff.COMPLETE, SignOff.OPEN),
    SignOff.COMPLETE: (SignOff.OPEN,),
}


class RunPageRoutes:
    """One run to look at, to judge and to open in a lab."""

    def __init__(
        self,
        *,
        shown: Rendering,
        lookup: Lookup,
        jobs: Jobs,
        annotate: Annotate,
        notebooks: LabNotebooks,
    ) -> None:
        self._shown = shown
        self._lookup = lookup
        self._jobs = jobs
        self._annotate = annotate
        self._notebooks = notebooks

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        shown, one = self._shown, "/runs/{which}"
        return [
            shown.page(gate, one, self.run, Scope.RUNS_READ),
            gate.route(
                f"{one}/lab", self.open_in_lab, needs=Scope.LABS_RUN, methods=["POST"]
            ),
            gate.route(
                f"{one}/quality/{{form}}",
                self.judge,
                needs=Scope.RUNS_ANNOTATE,
                methods=["POST"],
            ),
        ]

    async def run(self, request: Request, principal: Principal) -> Response:
        """Show one run."""
        return await self._page(request.path_params["which"], principal)

    async def judge(self, request: Request, principal: Principal) -> Response:
        """Flag, sign off, comment or undo, by a form."""
        which, form = request.path_params["which"], request.path_params["form"]
        if not is_form(form):
            raise NotFound("form", form)
        given = await fields_of(request)
        try:
            change, reason = read_change(form, given), given.get("reason", "").strip()
            run = await self._annotate.change(
                which,
                change,
                principal,
                by=By.UID,
                reason=reason,
                seen=read_seen(given),
            )
        except QuireError as error:
            told = wrong(form, given, error)
            return await self._page(
                which, principal, by=By.UID, status=status_of(error), told=told
            )
        return RedirectResponse(f"{self._shown.run_address(run.uid)}#quality", 303)

    async def open_in_lab(self, request: Request, principal: Principal) -> Response:
        """Start a lab with a notebook that reads a run, by a form."""
        lab = await self._notebooks.open(
            principal, server=own_address(request), run=request.path_params["which"]
        )
        return RedirectResponse(f"/operations/{lab.id}", 303)

    async def _page(
        self,
        which: str,
        principal: Principal,
        *,
        by: By | None = None,
        status: int = 200,
        told: Wrong | None = None,
    ) -> Response:
        found = await self._lookup.run(which, principal, by=by)
        uid = found.run.uid
        jobs = [await self._jobs.get(job, principal) for job in found.jobs]
        start = found.run.start_document()
        axes = _axes(start)
        return self._shown.render(
            "run.html",
            status=status,
            run=found.run,
            start=start,
            products=found.products,
            stale=found.stale,
            jobs=jobs,
            more_jobs=found.more_jobs,
            # Over one axis of several, a line would go back and forth.
            axis=axes[0][0] if len(axes) == 1 else "",
            stream=_drawn(found.run),
            axes=[field for fields in axes for field in fields],
            may_open=principal.has(Scope.LABS_RUN),
            wrong=told,
            **await self._quality(uid, found.run.annotations, principal),
        )

    async def _quality(
        self, uid: str, said: Annotations, principal: Principal
    ) -> dict[str, Any]:
        """Return what the part on quality shows beside the annotations."""
        history = await self._annotate.history(uid, principal, by=By.UID)
        gone = undone(history)
        signed = [
            entry
            for entry in history
            if isinstance(entry.change, SetSignOff) and entry.version not in gone
        ]
        detectors = self._annotate.detectors
        choices = [str(value) for values in detectors.values() for value in values]
        return {
            "said": said,
            "signed": signed[-1] if signed else None,
            "history": history[: -_CHANGES - 1 : -1],
            "changes": len(history),
            "gone": gone,
            "may_judge": principal.has(Scope.RUNS_ANNOTATE),
            "locked": said.sign_off is SignOff.COMPLETE,
            "states": _states(said.sign_off, history),
            "detectors": tuple(detectors),
            "values": dict.fromkeys(choices or _VALUES),
        }


def _states(now: SignOff, history: Sequence[Entry]) -> Sequence[SignOff]:
    """Return what may be chosen; what was judged since is signed off again first."""
    if now is SignOff.SIGNED_OFF and judged_since_signed(history):
        return (SignOff.SIGNED_OFF, SignOff.OPEN)
    return _NEXT[now]


def _drawn(run: Run) -> str:
    """Return the stream that is drawn: the primary, or the longest if it has none."""
    # An open run's may just not have come yet.
    if PRIMARY in run.streams or run.stop is None or not run.streams:
        return PRIMARY
    return max(sorted(run.streams), key=lambda name: run.streams[name].rows)


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
