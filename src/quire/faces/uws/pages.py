"""The same for people with a browser."""

from http import HTTPStatus
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from quire.errors import InputError
from quire.faces.uws.times import write_time
from quire.faces.uws.wire import JobView, parameter_text
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.kind import Kind
from quire.web.negotiation import answer_form

_FORMS = {"application/xml": "xml", "text/html": "html"}
_RUNNABLE = (Phase.PENDING, Phase.HELD)


class Pages:
    """Pages of jobs."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("quire.faces.uws"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(time=_time, value=parameter_text)

    def wanted(self, request: Request) -> bool:
        """Return whether the client would rather have HTML than XML."""
        try:
            return answer_form(request, _FORMS) == "html"
        except InputError:
            return False  # all that is no browser gets XML

    def jobs(self, kind: Kind, jobs: tuple[Job, ...], collection: str) -> Response:
        """Return the list, with a form for a new job."""
        return self._page("jobs.html", kind=kind, jobs=jobs, collection=collection)

    def job(self, kind: Kind, view: JobView, collection: str) -> Response:
        """Return one job."""
        phase = view.job.phase
        return self._page(
            "job.html",
            kind=kind,
            view=view,
            job=view.job,
            collection=collection,
            runnable=phase in _RUNNABLE,
            abortable=not phase.final,
        )

    def _page(self, name: str, **values: Any) -> Response:
        text = self._environment.get_template(name).render(values)
        return HTMLResponse(
            text.encode("utf-8", "replace"),
            HTTPStatus.OK,
            headers={"cache-control": "no-store", "vary": "Accept"},
        )


def _time(seconds: float | None) -> str:
    return write_time(seconds) or "–"
