"""HTTP to one server: the token, timeouts, and problems as exceptions."""

# A module that another thread is loading at a fork stays locked in the child for ever.
# So nothing may be loaded when something is sent: `socket.getaddrinfo` would load the
# first of these, httpx the second.
import encodings.idna  # noqa: F401
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpcore  # noqa: F401
import httpx

from quire.client.discovery import Address, find
from quire.client.errors import (
    ConnectionLost,
    NoServer,
    SeveralServers,
    refusal,
)
from quire.client.posting import Answer, Poster, problem_in
from quire.trust import verified

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PATIENCE = 30.0
LASTING = 86_400.0
"""Seconds to wait for what a server does run by run, however many there are."""


class Connection:
    """A connection that may be asked to find its server again.

    Parameters
    ----------
    url, token
        As for `quire.client.discovery.find`; what is not given is found.
    patience
        Seconds that a server may be silent before it counts as gone.

    Raises
    ------
    NoServer, SeveralServers
        There is none, or more than one.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._given = (url, token)
        self._address = find(url, token)
        self._timeout = httpx.Timeout(patience, connect=5.0)
        self._http = _client(self._address, self._timeout)
        self._poster = Poster(self._address)

    @property
    def address(self) -> Address:
        """Where the server was last found."""
        return self._address

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._address.url

    @property
    def given(self) -> tuple[str | None, str | None]:
        """What the caller said of address and token, to make another like it."""
        return self._given

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how another process makes one like it: the server is found there."""
        return Connection, self._given

    def find_again(self) -> None:
        """Look anew where the server is: it may be back at another port.

        Raises
        ------
        NoServer, SeveralServers
            There is none, or more than one.
        """
        address = find(*self._given)
        if address != self._address:
            former, self._http = self._http, _client(address, self._timeout)
            self._address = address
            former.close()
            self._poster.close()
            self._poster = Poster(address)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Any:
        """Return the JSON of an answer, None if it is empty.

        Raises
        ------
        ConnectionLost
            No answer.
        Refused
            The answer is a problem; one of its subclasses where the code is known.
        """
        asked = {"params": _without_none(query), "json": body}
        with self._reported():
            try:
                answer = self._http.request(method, path, **asked)
            except httpx.ConnectError:
                # Nothing was sent. It may be back at another port.
                if not self._moved():
                    raise
                answer = self._http.request(method, path, **asked)
        _require_success(answer)
        try:
            return answer.json() if answer.content else None
        except ValueError:
            told = {"detail": f"{self.url} is no Quire: it answers no JSON"}
            raise refusal(answer.status_code, told) from None

    def _moved(self) -> bool:
        former = self._address
        with suppress(NoServer, SeveralServers):
            self.find_again()
        return self._address != former

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at a path."""
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """Send JSON and return the JSON of the answer."""
        return self.ask("POST", path, body=body)

    def post_raw(self, path: str, content: bytes, media: str) -> Answer:
        """Send bytes and return the answer, whatever its status.

        Raises
        ------
        ConnectionLost
            No answer.
        """
        return self._poster.post(path, content, media)

    def get_bytes(self, path: str, *, most: int, **query: Any) -> bytes | None:
        """Return the bytes at a path, over the line that is kept for posts.

        Parameters
        ----------
        most
            Bytes; None is returned where there are more.

        Raises
        ------
        ConnectionLost
            No answer.
        Refused
            The answer is a problem; one of its subclasses where the code is known.
        """
        given = urlencode(_without_none(query))
        status, body = self._poster.get(f"{path}?{given}" if given else path, most)
        if status >= HTTPStatus.BAD_REQUEST:
            raise refusal(status, problem_in(body or b""))
        return body

    @contextmanager
    def stream(self, path: str, **query: Any) -> Iterator[httpx.Response]:
        """Give an answer whose body is read bit by bit.

        Raises
        ------
        ConnectionLost, Refused
            As `ask`.
        """
        with (
            self._reported(),
            self._http.stream("GET", path, params=_without_none(query)) as answer,
        ):
            if answer.is_error:
                answer.read()
                _require_success(answer)
            yield answer

    @contextmanager
    def listen(
        self, path: str, *, headers: Mapping[str, str], silence: float
    ) -> Iterator[httpx.Response]:
        """Give a stream that lasts, broken off after `silence` seconds of nothing."""
        timeout = httpx.Timeout(silence, connect=5.0)
        with (
            self._reported(),
            self._http.stream("GET", path, headers=headers, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                _require_success(answer)
            yield answer

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ConnectionLost(self.url, reason) from error

    def close(self) -> None:
        """Give up the sockets."""
        self._http.close()
        self._poster.close()

    def __del__(self) -> None:
        # A notebook never closes what it looked at.
        if hasattr(self, "_poster"):
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _client(address: Address, timeout: httpx.Timeout) -> httpx.Client:
    url = httpx.URL(address.url)
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    return httpx.Client(
        base_url=url,
        headers=headers,
        timeout=timeout,
        verify=verified(address.url),
        trust_env=url.host not in _LOOPBACK,  # no proxy leads to this machine
    )


def _without_none(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (query or {}).items() if value is not None}


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the problem that an answer holds, or one made of its text."""
    with suppress(ValueError):
        found = answer.json()
        if isinstance(found, dict):
            return found
    if "html" in answer.headers.get("content-type", ""):
        told = f"{answer.status_code} {answer.reason_phrase}"
        return {"detail": f"{told}, from what is no Quire: a proxy, or another server"}
    return {"detail": answer.text.strip()[:500]}


def _require_success(answer: httpx.Response) -> None:
    if answer.is_error:
        raise refusal(answer.status_code, problem_of(answer))
