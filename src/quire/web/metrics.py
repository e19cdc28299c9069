"""What is counted of requests and of documents, for Prometheus to fetch.

A request costs one addition and one search among a dozen buckets; the text is made only
when it is asked for (Prometheus exposition format 0.0.4, through ``prometheus_client``).
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.web.gate import DeclaredRoute

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of durations, in seconds."""
_ELSEWHERE = "elsewhere"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counts of one server since its start.

    Attributes
    ----------
    in_progress
        Requests that are being answered.
    """

    def __init__(self) -> None:
        self.in_progress = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[tuple[str, str], list[int]] = {}
        self._seconds: Counter[tuple[str, str]] = Counter()
        self._documents: Counter[str] = Counter()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        route
            The declared path, with its places as they are named.
        status
            0 if the connection broke before an answer.
        """
        key = (method, route)
        self._requests[(method, route, status)] += 1
        buckets = self._buckets.get(key)
        if buckets is None:
            buckets = self._buckets[key] = [0] * (len(BOUNDS) + 1)
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._seconds[key] += seconds  # type: ignore[assignment]  # counts of floats

    def took(self, *, accepted: int, repeated: int, refused: int) -> None:
        """Count documents by what became of them."""
        documents = self._documents
        documents["accepted"] += accepted
        documents["repeated"] += repeated
        documents["refused"] += refused

    def text(self, *, ready: bool) -> bytes:
        """Return everything in Prometheus's text format.

        Parameters
        ----------
        ready
            Whether documents can be taken now.
        """
        from prometheus_client import (
            CollectorRegistry,
            GCCollector,
            ProcessCollector,
            generate_latest,
        )
        from prometheus_client.registry import Collector

        families = [
            *self._families(),
            _gauge("quire_ready", "1 if documents can be taken", ready),
        ]

        class Ours(Collector):
            def collect(self) -> "Iterable[Metric]":
                return families

        registry = CollectorRegistry()
        registry.register(Ours())
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        return generate_latest(registry)

    def _families(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "quire_http_requests",
            "Requests, by status (0: the connection broke)",
            labels=("method", "route", "status"),
        )
        for (method, route, status), count in self._requests.items():
            requests.add_metric((method, route, str(status)), count)
        seconds = HistogramMetricFamily(
            "quire_http_request_seconds",
            "Seconds until an answer was whole",
            labels=("method", "route"),
        )
        ends = (*map(str, BOUNDS), "+Inf")
        for key, buckets in self._buckets.items():
            whole = list(zip(ends, accumulate(buckets), strict=True))
            seconds.add_metric(key, whole, self._seconds[key])
        documents = CounterMetricFamily(
            "quire_documents", "Documents that came over HTTP", labels=("outcome",)
        )
        for outcome, count in self._documents.items():
            documents.add_metric((outcome,), count)
        says = "Requests that are being answered"
        going = _gauge("quire_http_requests_in_progress", says, self.in_progress)
        return (requests, seconds, documents, going)


class Metered:
    """Counts what an application answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it once it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        self._metrics.in_progress += 1
        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._metrics.in_progress -= 1
            seconds = time.perf_counter() - begun
            self._metrics.answered(_method(scope), _route(scope), status, seconds)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in _METHODS else "other"


def _route(scope: Scope) -> str:
    # Only what is declared: paths that clients make up would be labels without end.
    route = scope.get(DeclaredRoute.KEY)
    return route.path if isinstance(route, DeclaredRoute) else _ELSEWHERE


def _gauge(name: str, says: str, value: float) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, says, value=value)
