"""`/uws/{kind}`: every kind of job as a service of UWS 1.1."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote as percent

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Scope
from quire.actions.health import Health
from quire.errors import InputError
from quire.faces.uws import describing as says
from quire.faces.uws.description import (
    VOTABLE_TYPE,
    availability,
    capabilities,
    job_description,
)
from quire.faces.uws.errors import telling, told
from quire.faces.uws.jobs import COLLECTIONS, UwsJobs, Verbs, see
from quire.faces.uws.lists import ListRoutes
from quire.faces.uws.pages import Pages
from quire.faces.uws.single import SingleRoutes
from quire.faces.uws.values import ValueRoutes
from quire.faces.uws.xml import MEDIA_TYPE
from quire.web.description import Operation
from quire.web.gate import Gate, Handler
from quire.web.negotiation import answer_form

_SERVICE = "/uws/{kind}"
_DESCRIPTIONS = {
    VOTABLE_TYPE: "votable",
    "application/xml": "votable",
    "application/json": "json",
}


class UwsRoutes:
    """The face.

    Parameters
    ----------
    body_limit
        Bytes of one request.
    public_url
        Where clients see this server; where a request came to if empty.
    """

    def __init__(
        self, verbs: Verbs, health: Health, *, body_limit: int, public_url: str = ""
    ) -> None:
        uws = UwsJobs(verbs, body_limit=body_limit, public_url=public_url)
        pages = Pages()
        self._uws = uws
        self._health = health
        self._lists = ListRoutes(uws, pages)
        self._values = ValueRoutes(uws)
        self._single = SingleRoutes(uws, pages, self._values)

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        opened = {
            f"{_SERVICE}/availability": (self.availability, says.XML),
            f"{_SERVICE}/capabilities": (self.capabilities, says.XML),
            f"{_SERVICE}/job-description": (self.description, says.DESCRIPTION),
        }
        return [
            *(
                gate.open_route(
                    path, telling(handler), methods=["GET"], describes=operation
                )
                for path, (handler, operation) in opened.items()
            ),
            *(
                gate.route(
                    path,
                    handler,
                    needs=Scope.JOBS_RUN,
                    methods=[method],
                    refuse=told,
                    describes=operation,
                )
                for path, methods in self._paths().items()
                for method, (handler, operation) in methods.items()
            ),
        ]

    def _paths(self) -> Mapping[str, Mapping[str, tuple[Handler, Operation]]]:
        lists, single = self._lists, self._single
        paths: dict[str, Mapping[str, tuple[Handler, Operation]]] = {
            f"{_SERVICE}/sync": {
                "GET": (lists.sync, says.SYNC),
                "POST": (lists.sync, says.SYNC_FORM),
            },
            f"{_SERVICE}/sync/{{id}}": {"GET": (single.sync, says.SEE)},
        }
        for name in COLLECTIONS:
            every = f"{_SERVICE}/{name}"
            one = f"{every}/{{id}}"
            paths[every] = {
                "GET": (lists.get, says.LIST),
                "POST": (lists.post, says.MAKING),
            }
            paths[one] = {
                "GET": (single.get, says.ONE),
                "POST": (single.post, says.CHANGING),
                "DELETE": (single.delete, says.SEE),
            }
            for path, methods in self._parts().items():
                paths[f"{one}/{path}"] = methods
        return paths

    def _parts(self) -> Mapping[str, Mapping[str, tuple[Handler, Operation]]]:
        single, values = self._single, self._values
        return {
            "phase": {
                "GET": (single.phase, says.TEXT),
                "POST": (single.set_phase, says.TURNING),
            },
            "executionduration": {
                "GET": (single.duration, says.TEXT),
                "POST": (single.set_duration, says.LIMITING),
            },
            "destruction": {
                "GET": (single.destruction, says.TEXT),
                "POST": (single.set_destruction, says.ENDING),
            },
            "quote": {"GET": (single.quote, says.TEXT)},
            "owner": {"GET": (single.owner, says.TEXT)},
            "error": {"GET": (single.error, says.TEXT)},
            "parameters": {
                "GET": (values.parameters, says.XML),
                "POST": (values.set_parameters, says.PUTTING),
            },
            "parameters/{name}": {
                "GET": (values.parameter, says.TEXT),
                "PUT": (values.set_parameter, says.VALUE),
            },
            "results": {"GET": (values.results, says.XML)},
            "results/{name}": {"GET": (values.result, says.TEXT)},
        }

    async def availability(self, request: Request) -> Response:
        """Return whether jobs can be taken now."""
        self._uws.kind(request)
        trouble = await self._health.trouble()
        document = availability(trouble, float(self._health.about["started"]))
        return Response(document, media_type=MEDIA_TYPE)

    async def capabilities(self, request: Request) -> Response:
        """Return what the service offers, and where."""
        self._uws.kind(request)
        return Response(capabilities(self._uws.service(request)), media_type=MEDIA_TYPE)

    async def description(self, request: Request) -> Response:
        """Return the parameters that jobs of this kind take; JSON stands elsewhere."""
        kind = self._uws.kind(request)
        if _wants_json(request):
            name = percent(kind.name, safe="")
            return see(f"{self._uws.base(request)}/api/v1/kinds/{name}")
        document = job_description(kind)
        return Response(document, media_type=VOTABLE_TYPE)


def _wants_json(request: Request) -> bool:
    try:
        return answer_form(request, _DESCRIPTIONS) == "json"
    except InputError:
        return False
