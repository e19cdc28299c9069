"""`/metrics`, in Prometheus's text format."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.health import Health
from quire.web.description import Operation
from quire.web.gate import Gate
from quire.web.metrics import MEDIA_TYPE, Metrics

_TEXT = Operation(answers={200: str}, answer_types=("text/plain",))


class MetricsRoutes:
    """Figures out."""

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        handler, needs = self.metrics, Scope.METRICS
        return (
            gate.route(
                "/metrics", handler, needs=needs, methods=["GET"], describes=_TEXT
            ),
        )

    async def metrics(self, _: Request, __: Principal) -> Response:
        """Return the figures of this server since its start."""
        ready = not await self._health.trouble()
        text = await asyncio.to_thread(self._metrics.text, ready=ready)
        return Response(text, headers={"content-type": MEDIA_TYPE})
