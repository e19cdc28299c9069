"""To another Quire, over HTTP.

Documents go in their own bytes, so that the other one's are the same. Order does not
matter to it, and repeated documents do no harm: whatever is in doubt is sent again.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from quire.ports.outbox_records import Outgoing
from quire.ports.outlet import OutletUnavailable, Refused
from quire.trust import verified

if TYPE_CHECKING:
    import httpx

_PATH = "/api/v1/documents"
_CONNECT_SECONDS = 10.0
# What is wrong with the body alone, so that smaller ones may pass.
_BODY_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_NOT_ADMITTED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ANSWERED = frozenset(
    {HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class _Refusal(msgspec.Struct):
    index: int
    name: str = ""
    uid: str = ""
    reason: str = ""
    field: str = ""


class _Receipt(msgspec.Struct):
    accepted: int
    repeated: int
    refused: list[_Refusal] = []


class QuireOutlet:
    """`quire.ports.outlet.DocumentOutlet` to another Quire.

    Parameters
    ----------
    url
        Its address.
    token
        Gives what admits to its ``runs:ingest``; the runs will be its holder's. Asked
        again once it admits no more.
    timeout
        Seconds without an answer after which a request counts as failed.
    """

    takes_waiting = True

    def __init__(
        self, url: str, token: Callable[[], str], *, timeout: float = 30.0
    ) -> None:
        self.target = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None

    async def send(self, documents: Sequence[Outgoing]) -> tuple[Refused, ...]:
        """Send documents and return those that the other one refused for good.

        Raises
        ------
        OutletUnavailable
            Nobody knows what got there; all of it is to be sent again.
        """
        response = await self._post(documents)
        receipt = _receipt(response)
        if receipt is not None:
            return tuple(
                Refused(document=documents[one.index], reason=_words(one))
                for one in receipt.refused
            )
        if response.status_code in _NOT_ADMITTED:
            await self.aclose()
        if not _at_fault(response):
            raise _unavailable(response)
        if len(documents) == 1:
            return (Refused(document=documents[0], reason=_detail(response)),)
        half = len(documents) // 2
        return (
            *await self.send(documents[:half]),
            *await self.send(documents[half:]),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, documents: Sequence[Outgoing]) -> "httpx.Response":
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                base_url=self.target,
                headers={"Authorization": f"Bearer {self._token()}"},
                timeout=httpx.Timeout(self._timeout, connect=_CONNECT_SECONDS),
                verify=verified(self.target),
            )
        body, media_type = encode(documents)
        try:
            return await self._client.post(
                _PATH, content=body, headers={"Content-Type": media_type}
            )
        except httpx.HTTPError as problem:
            said = str(problem) or type(problem).__name__
            raise OutletUnavailable(f"{self.target}: {said}") from problem


def encode(documents: Sequence[Outgoing]) -> tuple[bytes, str]:
    """Return a body with the documents in their own bytes, and its media type.

    NDJSON; but documents with line breaks in them go as a JSON array.
    """
    items = [
        b'["%b",%b]' % (one.document.name.value.encode(), one.document.raw)
        for one in documents
    ]
    if any(b"\n" in item for item in items):
        return b"[" + b",".join(items) + b"]", "application/json"
    return b"\n".join(items) + b"\n", "application/x-ndjson"


def _receipt(response: "httpx.Response") -> _Receipt | None:
    """Return the receipt, None if the answer is none."""
    if response.status_code not in _ANSWERED:
        return None
    try:
        return msgspec.json.decode(response.content, type=_Receipt)
    except msgspec.MsgspecError:
        return None


def _at_fault(response: "httpx.Response") -> bool:
    """Return whether the documents are refused, and not by who knows nothing of them.

    The other Quire gives a code; a proxy before it can only find them too large.
    """
    large = response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    ours = large or "code" in _problem(response)
    return ours and response.status_code in _BODY_REFUSED


def _problem(response: "httpx.Response") -> dict[str, Any]:
    """Return the problem document (RFC 9457), empty if the answer is none."""
    try:
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _unavailable(response: "httpx.Response") -> OutletUnavailable:
    asked = response.headers.get("retry-after", "")
    return OutletUnavailable(
        f"{response.url.copy_with(query=None)} answers {response.status_code}:"
        f" {_detail(response)}",
        retry_after=float(asked) if asked.isdecimal() else 0.0,
    )


def _detail(response: "httpx.Response") -> str:
    """Return what a problem document says, or what stands there."""
    problem = _problem(response)
    said = problem.get("detail") or problem.get("title")
    return str(said or response.text[:200] or response.reason_phrase)


def _words(refusal: _Refusal) -> str:
    which = " ".join(filter(None, (refusal.name, refusal.uid)))
    return ": ".join(filter(None, (which, refusal.field, refusal.reason)))
