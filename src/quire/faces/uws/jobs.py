"""What the handlers of this face share: the verbs, and a job as it is addressed."""

import socket
from urllib.parse import quote as percent
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from quire.access.principals import Principal
from quire.actions.destroying import Destroying
from quire.actions.job_edits import JobEdits
from quire.actions.job_files import JobFiles
from quire.actions.quoting import Quotes
from quire.actions.submit import Jobs
from quire.actions.waiting import Waiting
from quire.errors import NotFound
from quire.faces.uws.sending import Sending
from quire.faces.uws.wire import JobView
from quire.jobs.job import Job
from quire.jobs.parameters import ParameterType
from quire.ports.kind import Kind

# Lists under both names: ours, and the one that DALI gives them.
COLLECTIONS = ("jobs", "async")


class Verbs(msgspec.Struct, frozen=True, kw_only=True):
    """The actions that this face offers."""

    jobs: Jobs
    edits: JobEdits
    files: JobFiles
    quotes: Quotes
    waiting: Waiting
    destroying: Destroying


class UwsJobs:
    """Finds what a request speaks of.

    Parameters
    ----------
    body_limit
        Bytes of one request.
    public_url
        Where clients see this server; where the request came to if empty.
    """

    def __init__(self, verbs: Verbs, *, body_limit: int, public_url: str = "") -> None:
        self.verbs = verbs
        self.body_limit = body_limit
        self._public_url = public_url.rstrip("/")
        self._host = socket.gethostname()

    def kind(self, request: Request) -> Kind:
        """Return the kind that the address names.

        Raises
        ------
        NotFound
            There is none of that name.
        """
        name = request.path_params["kind"]
        kinds = self.verbs.jobs.kinds
        if name not in kinds:
            raise NotFound("kind of job", name, "there are " + ", ".join(sorted(kinds)))
        return kinds[name]

    async def job(self, request: Request, principal: Principal) -> Job:
        """Return the job that the address names, if the principal may see it."""
        name, kind = request.path_params["id"], self.kind(request).name
        return await self.verbs.jobs.admitted(name, kind, principal)

    async def view(self, request: Request, job: Job) -> JobView:
        """Return a job with what its document needs beside it."""
        files = {
            one.name
            for one in self.kind(request).parameters
            if one.type is ParameterType.FILE
        }
        return JobView(
            job=job,
            url=f"{self.collection(request)}/{percent(job.id)}",
            results=await self.verbs.files.results(job),
            quote=await self.verbs.quotes.of(job),
            files=frozenset(files),
            host=self._host,
        )

    def base(self, request: Request) -> str:
        """Return the server's own absolute address."""
        if self._public_url:
            return self._public_url
        # As request.base_url makes it, without taking it apart again.
        host, root = request.headers.get("host", ""), request.scope.get("root_path", "")
        return f"{request.scope['scheme']}://{host}{root}".rstrip("/")

    def service(self, request: Request) -> str:
        """Return the absolute address of a kind's service."""
        kind = percent(request.path_params["kind"], safe="")
        return f"{self.base(request)}/uws/{kind}"

    def collection(self, request: Request) -> str:
        """Return the absolute address of the list, by the name that the client uses."""
        used = request.scope["path"].removeprefix("/uws/").split("/")
        name = next((part for part in used[1:2] if part in COLLECTIONS), COLLECTIONS[0])
        return f"{self.service(request)}/{name}"

    def see_job(self, request: Request, job: str) -> Response:
        """Return a redirection to a job."""
        return see(f"{self.collection(request)}/{percent(job)}")

    def sender(self, request: Request, job: str, principal: Principal) -> Sending:
        """Return what reads the parameters of a request for a job."""
        hosts = {request.headers.get("host", ""), urlsplit(self._public_url).netloc}
        return Sending(
            self.verbs.files, job=job, hosts=frozenset(hosts), principal=principal
        )


def see(address: str) -> Response:
    """Return a redirection to what has changed or is next (303)."""
    return RedirectResponse(address, 303)
