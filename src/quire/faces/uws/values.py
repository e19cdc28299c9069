"""The parameters and the results of a job."""

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from quire.access.principals import Principal
from quire.actions.job_files import File
from quire.errors import InputError, NotFound
from quire.faces.uws.forms import Form, read_form
from quire.faces.uws.jobs import UwsJobs
from quire.faces.uws.sending import RUNID
from quire.faces.uws.wire import (
    parameter_text,
    parameters_document,
    results_document,
)
from quire.faces.uws.xml import MEDIA_TYPE
from quire.jobs.job import Job
from quire.jobs.parameters import ParameterType
from quire.jobs.transitions import require_editable
from quire.web.body import read_body
from quire.web.form import FORM


class ValueRoutes:
    """What goes into a job, and what comes out."""

    def __init__(self, uws: UwsJobs) -> None:
        self._uws = uws

    async def parameters(self, request: Request, principal: Principal) -> Response:
        """Return the parameters."""
        job = await self._uws.job(request, principal)
        view = await self._uws.view(request, job)
        return Response(parameters_document(view), media_type=MEDIA_TYPE)

    async def set_parameters(self, request: Request, principal: Principal) -> Response:
        """Add parameters or replace them, while the job is PENDING."""
        job = await self._uws.job(request, principal)
        form = await read_form(request, self._uws.body_limit)
        await self.change(request, job, form, principal)
        return self._uws.see_job(request, job.id)

    async def change(
        self, request: Request, job: Job, form: Form, principal: Principal
    ) -> None:
        """Add a form's parameters to a job."""
        require_editable(job)  # before its files are kept
        verbs = self._uws.verbs
        reader = self._uws.sender(request, job.id, principal)
        given = await reader.parameters(self._uws.kind(request), form)
        await verbs.edits.set_parameters(
            job.id, given, principal, run_id=form.one(RUNID)
        )

    async def parameter(self, request: Request, principal: Principal) -> Response:
        """Return one parameter, as text or as the file that it is."""
        job = await self._uws.job(request, principal)
        kind, name = self._uws.kind(request), request.path_params["name"].upper()
        if name not in job.parameters:
            raise NotFound("parameter", name)
        types = {one.name: one.type for one in kind.parameters}
        if types.get(name) is ParameterType.FILE:
            return download(await self._uws.verbs.files.upload(job, kind, name))
        text = parameter_text(job.parameters[name])
        return PlainTextResponse(text.encode("utf-8", "replace"))

    async def set_parameter(self, request: Request, principal: Principal) -> Response:
        """Put one parameter: its value is the body, or a form's field."""
        job = await self._uws.job(request, principal)
        require_editable(job)
        kind, name = self._uws.kind(request), request.path_params["name"].upper()
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() == FORM:
            form = await read_form(request, self._uws.body_limit)
            values = form.fields.get(name) or form.fields.get("VALUE")
            if values is None:
                raise InputError(name, "missing", "send it as the body, or as VALUE")
            await self.change(request, job, Form(fields={name: values}), principal)
            return self._uws.see_job(request, job.id)
        body = await read_body(request, self._uws.body_limit)
        reader = self._uws.sender(request, job.id, principal)
        value = await reader.one(name, kind, body, content_type)
        edits = self._uws.verbs.edits
        await edits.set_parameters(job.id, {name: value}, principal)
        return self._uws.see_job(request, job.id)

    async def results(self, request: Request, principal: Principal) -> Response:
        """Return the list of results."""
        job = await self._uws.job(request, principal)
        view = await self._uws.view(request, job)
        return Response(results_document(view), media_type=MEDIA_TYPE)

    async def result(self, request: Request, principal: Principal) -> Response:
        """Return one result."""
        job = await self._uws.job(request, principal)
        name = request.path_params["name"]
        return download(await self._uws.verbs.files.result(job, name))


def download(file: File) -> Response:
    """Return a file; its bytes are somebody else's and never a page of our origin."""
    return FileResponse(
        file.path,
        media_type=file.mime_type,
        filename=file.path.name,
        headers={"content-security-policy": "sandbox"},
    )
