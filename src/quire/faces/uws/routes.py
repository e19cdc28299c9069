"""`/uws/{kind}`: every kind of job as a service of UWS 1.1."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote as percent

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Scope
from quire.actions.health import Health
from quire.errors import InputError
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
_XML = Operation(answers={200: str}, answer_types=(MEDIA_TYPE,))
_TEXT = Operation(answers={200: str}, answer_types=("text/plain",))
_FORM = Operation(
    body=dict,
    body_types=("application/x-www-form-urlencoded", "multipart/form-data"),
    answers={303: None},
    answer_types=(),
)
_DESCRIPTIONS = {
    VOTABLE_TYPE: "votable",
    "application/xml": "votable",
    "application/json": "json",
}
_SEE = Operation(answers={303: None}, answer_types=())


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
            f"{_SERVICE}/availability": self.availability,
            f"{_SERVICE}/capabilities": self.capabilities,
            f"{_SERVICE}/job-description": self.description,
        }
        return [
            *(
                gate.open_route(path, telling(handler), methods=["GET"], describes=_XML)
                for path, handler in opened.items()
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
                "GET": (lists.sync, _SEE),
                "POST": (lists.sync, _FORM),
            },
            f"{_SERVICE}/sync/{{id}}": {"GET": (single.sync, _SEE)},
        }
        for name in COLLECTIONS:
            every = f"{_SERVICE}/{name}"
            one = f"{every}/{{id}}"
            paths[every] = {"GET": (lists.get, _XML), "POST": (lists.post, _FORM)}
            paths[one] = {
                "GET": (single.get, _XML),
                "POST": (single.post, _FORM),
                "DELETE": (single.delete, _SEE),
            }
            for path, methods in self._parts().items():
                paths[f"{one}/{path}"] = methods
        return paths

    def _parts(self) -> Mapping[str, Mapping[str, tuple[Handler, Operation]]]:
        single, values = self._single, self._values
        return {
            "phase": {"GET": (single.phase, _TEXT), "POST": (single.set_phase, _FORM)},
            "executionduration": {
                "GET": (single.duration, _TEXT),
                "POST": (single.set_duration, _FORM),
            },
            "destruction": {
                "GET": (single.destruction, _TEXT),
                "POST": (single.set_destruction, _FORM),
            },
            "quote": {"GET": (single.quote, _TEXT)},
            "owner": {"GET": (single.owner, _TEXT)},
            "error": {"GET": (single.error, _TEXT)},
            "parameters": {
                "GET": (values.parameters, _XML),
                "POST": (values.set_parameters, _FORM),
            },
            "parameters/{name}": {
                "GET": (values.parameter, _TEXT),
                "PUT": (values.set_parameter, _FORM),
            },
            "results": {"GET": (values.results, _XML)},
            "results/{name}": {"GET": (values.result, _TEXT)},
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
