"""`POST /api/v1/documents` by the short way: the same answers, for less."""

import time
from collections.abc import Mapping

import msgspec

from quire.access.principals import Scope, require
from quire.access.tokens import TokenUse
from quire.actions.tokens import Tokens
from quire.errors import QuireError
from quire.faces.documents.routes import EVERY, NDJSON, DocumentRoutes, status_for
from quire.web.at_once import at_once
from quire.web.express import Answerer, rendered
from quire.web.guard import host_name
from quire.web.json import json_response
from quire.web.metrics import Metrics
from quire.web.problems import problem, status_of

LINE = f"POST {EVERY} HTTP/1.1".encode()
_BEARER = b"Bearer "
_OK = 200
_EMPTY = json_response({})
_BEFORE, _, _AFTER = rendered(_EMPTY).removesuffix(b"{}").partition(b"length: 2\r\n")
_encode = msgspec.json.Encoder().encode


class DocumentExpress:
    """Answers what the client's writer, and all who write alike, send.

    Attributes
    ----------
    most
        Bytes of a body that is taken.
    """

    def __init__(
        self,
        documents: DocumentRoutes,
        tokens: Tokens,
        metrics: Metrics,
        *,
        hosts: frozenset[str],
        most: int,
    ) -> None:
        self.most = most
        self._documents = documents
        self._tokens = tokens
        self._metrics = metrics
        self._hosts = hosts

    def __call__(self, headers: Mapping[bytes, bytes]) -> Answerer | None:
        """Return who answers requests with these headers, None for the usual way."""
        host = headers.get(b"host", b"").decode()
        given = headers.get(b"authorization", b"")
        plain = headers.get(b"content-type") == NDJSON.encode()
        if not plain or not given.startswith(_BEARER):
            return None
        if host_name(host) not in self._hosts:
            return None
        secret = given.removeprefix(_BEARER).strip().decode()
        return lambda body: at_once(self._answer(secret, body))

    async def _answer(self, secret: str, body: bytes) -> bytes:
        begun = time.perf_counter()
        metrics, status = self._metrics, 0
        metrics.in_progress += 1
        try:
            principal = await self._tokens.admit(secret, TokenUse.API)
            require(principal, Scope.RUNS_INGEST)
            receipt = await self._documents.take(body, NDJSON, principal)
            status = status_for(receipt)
            if status != _OK:
                return rendered(json_response(receipt, status))
            text = _encode(receipt)
        except QuireError as error:
            status = status_of(error)
            return rendered(problem(error))
        finally:
            metrics.in_progress -= 1
            metrics.answered("POST", EVERY, status, time.perf_counter() - begun)
        return b"%blength: %d\r\n%b%b" % (_BEFORE, len(text), _AFTER, text)
