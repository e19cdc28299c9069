"""`/api/v1/documents` and the leases of runs."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest, Receipt
from quire.documents.legacy import Upgrade, as_received, upgraded
from quire.documents.names import DocumentName
from quire.errors import NotFound
from quire.web.body import choice, read_body
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.metrics import Metrics
from quire.web.negotiation import body_type
from quire.web.shape import check_items

EVERY = "/api/v1/documents"
NDJSON = "application/x-ndjson"
_JSON = "application/json"
_TAKEN = (
    NDJSON,
    _JSON,
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
)


class _Legacy(StrEnum):
    YES = "true"
    NO = "false"


_UPGRADES = {None: as_received, _Legacy.NO: as_received, _Legacy.YES: upgraded}
MOST_ITEMS = 100_000
"""In one request."""
_POST = Operation(
    query={
        "legacy": Parameter(says="Whether to upgrade older spellings.", type=_Legacy)
    },
    body=list[tuple[DocumentName, dict[str, Any]]],
    body_types=(NDJSON, _JSON),
    answers={200: Receipt, 409: Receipt, 422: Receipt},
)
_PUT_LEASE = Operation(answers={204: None})


class DocumentRoutes:
    """Documents in."""

    def __init__(self, ingest: Ingest, metrics: Metrics, *, body_limit: int) -> None:
        self._ingest = ingest
        self._metrics = metrics
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        needs = Scope.RUNS_INGEST
        lease = "/api/v1/runs/{uid}/lease"
        return (
            gate.route(
                EVERY, self.post, needs=needs, methods=["POST"], describes=_POST
            ),
            gate.route(
                lease,
                self.put_lease,
                needs=needs,
                methods=["PUT"],
                describes=_PUT_LEASE,
            ),
        )

    async def post(self, request: Request, principal: Principal) -> Response:
        """Store documents: 200 if any was accepted or repeated, else 409 or 422.

        With ``?legacy=true`` older spellings are upgraded, their originals kept.
        """
        upgrade = _UPGRADES[choice(request, "legacy", _Legacy)]
        media_type = body_type(request, _TAKEN, default=NDJSON)
        body = await read_body(request, self._body_limit)
        receipt = await self.take(body, media_type, principal, upgrade=upgrade)
        return json_response(receipt, status_for(receipt))

    async def take(
        self,
        body: bytes,
        media_type: str,
        principal: Principal,
        *,
        upgrade: Upgrade = as_received,
    ) -> Receipt:
        """Store documents, and count them.

        Raises
        ------
        TooLarge
            They are more than are taken at a time.
        """
        check_items(body, MOST_ITEMS, lines=media_type != _JSON)
        receipt = await self._ingest(body, media_type, principal, upgrade=upgrade)
        self._metrics.took(
            accepted=receipt.accepted,
            repeated=receipt.repeated,
            refused=len(receipt.refused),
        )
        return receipt

    async def put_lease(self, request: Request, principal: Principal) -> Response:
        """Take the heartbeat of a run's writer."""
        uid = request.path_params["uid"]
        if not await self._ingest.renew(uid, principal):
            raise NotFound("run", uid)
        return Response(status_code=204)


def status_for(receipt: Receipt) -> int:
    """Return the status of the answer: what was taken counts more than the rest."""
    if receipt.accepted or receipt.repeated or not receipt.refused:
        return 200
    return 409 if receipt.conflicts else 422
