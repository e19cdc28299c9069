"""Sources behind HTTP, below addresses that the settings list."""

import os
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from quire.errors import InputError
from quire.ports.transfer import Fetched, NotReached, Proceed, TransferProblem
from quire.trust import verified

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TRIES = 4
_PAUSES = (0.2, 1.0, 3.0)
_LOOK_SECONDS = 4.0
_CHUNK = 256 * 1024
_GONE = frozenset({404, 410})
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_REDIRECTS = range(300, 400)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def below(location: str, prefix: str) -> bool:
    """Return whether an address lies below another, and says so without a trick."""
    try:
        one, other = urlsplit(location), urlsplit(prefix)
        same = (one.scheme, one.hostname, one.port) == (
            other.scheme,
            other.hostname,
            other.port,
        )
    except ValueError:
        return False
    decoded = unquote(one.path)
    tricky = (
        "@" in one.netloc
        or ".." in decoded.split("/")
        or "\\" in decoded
        or any(sign < " " for sign in decoded)
        or one.fragment
    )
    root = other.path.rstrip("/")
    inside = one.path == root or one.path.startswith(f"{root}/")
    return same and inside and not tricky


def trusted(place: str, address: str) -> ssl.SSLContext | bool:
    """Return httpx's `verify` for the address of a place.

    Raises
    ------
    TransferProblem
        The authorities that the environment names cannot be read.
    """
    try:
        return verified(address)
    except InputError as problem:
        reason = f"{problem.field}: {problem.reason}"
        raise TransferProblem(place, reason, problem.mend) from problem


class HttpTransfer:
    """Fetches by GET; goes on where a broken transfer ended.

    Redirects are never followed: they could lead anywhere, the inside of the network
    included. Nor are proxies of the environment asked.

    Parameters
    ----------
    prefixes
        Addresses below which it may fetch.
    headers
        Sent with each request, such as ``Authorization``.
    """

    def __init__(
        self,
        prefixes: Sequence[str],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._prefixes = tuple(prefixes)
        self._headers = {**(headers or {}), "Accept-Encoding": "identity"}
        self._timeout = timeout

    def takes(self, location: str) -> bool:
        """Return whether it lies below a listed address."""
        return any(below(location, prefix) for prefix in self._prefixes)

    def host(self, location: str) -> str:
        """Return its host."""
        return urlsplit(location).netloc

    def address(self, location: str, method: str) -> str:
        """Return the address to ask; signed ones differ from call to call."""
        del method
        return location

    def stamp(self, location: str) -> str:
        """Return what HEAD says of it."""
        import httpx

        with self._client(location) as client:
            for pause in (*_PAUSES, None):
                try:
                    answer = client.head(self.address(location, "HEAD"))
                    if answer.status_code not in _PASSING or pause is None:
                        self._require(location, answer.status_code, (_OK,))
                        return _stamp(answer.headers)
                except httpx.TransportError as problem:
                    if pause is None:
                        raise _unreached(location, problem) from None
                time.sleep(pause or 0)
        raise AssertionError  # pragma: no cover - the last pause is None

    def size(self, location: str) -> int:
        """Return what HEAD says of its length; asks once."""
        import httpx

        try:
            with self._client(location, _LOOK_SECONDS) as client:
                answer = client.head(self.address(location, "HEAD"))
        except httpx.TransportError as problem:
            raise _unreached(location, problem) from None
        self._require(location, answer.status_code, (_OK,))
        length = answer.headers.get("content-length", "")
        return int(length) if length.isdecimal() else 0

    def fetch(
        self, location: str, path: Path, *, private: bool, proceed: Proceed
    ) -> Fetched:
        """Fetch."""
        del private  # it always is
        import httpx

        if not self.takes(location):
            reason, mend = "it may not be fetched from", "list it in the settings"
            raise TransferProblem(location, reason, mend)
        known = path.with_name(f".{path.name}.stamp")
        with self._client(location) as client:
            for pause in (*_PAUSES, None):
                try:
                    stamp = self._once(client, location, path, known, proceed)
                except httpx.TransportError as problem:
                    if pause is None:
                        raise _unreached(location, problem) from None
                else:
                    if stamp is not None:
                        known.unlink(missing_ok=True)
                        return Fetched(stamp=stamp)
                    if pause is None:
                        break
                proceed(0)
                time.sleep(pause or 0)
        reason, mend = "its server is busy or cuts it short", "retry later"
        raise NotReached(location, reason, mend)

    def _client(self, location: str, timeout: float | None = None) -> Any:
        import httpx

        return httpx.Client(
            headers=self._headers,
            timeout=timeout or self._timeout,
            follow_redirects=False,
            trust_env=False,
            verify=trusted(location, self.address(location, "HEAD")),
        )

    def _once(
        self, client: Any, location: str, path: Path, known: Path, proceed: Proceed
    ) -> str | None:
        """Fetch what is missing; return the stamp once all is there."""
        have = path.stat().st_size if path.exists() else 0
        former = known.read_text() if have and known.exists() else ""
        headers = {}
        tag = former.partition(" ")[0]
        if have and tag.startswith('"'):  # only a strong validator holds for bytes
            headers = {"Range": f"bytes={have}-", "If-Range": tag}
        address = self.address(location, "GET")
        with client.stream("GET", address, headers=headers) as answer:
            if answer.status_code in _PASSING:
                return None
            if answer.status_code == _UNSATISFIABLE:
                path.unlink(missing_ok=True)
                return None
            self._require(location, answer.status_code, (_OK, _PARTIAL))
            size, start = _extent(answer)
            if answer.status_code == _PARTIAL and start != have:
                path.unlink(missing_ok=True)
                return None
            stamp = _stamp(answer.headers, size)
            known.write_text(stamp)
            with path.open("r+b" if start else "wb") as stream:
                stream.seek(start)
                for chunk in answer.iter_raw(_CHUNK):
                    stream.write(chunk)
                    proceed(len(chunk))
                stream.flush()
                os.fsync(stream.fileno())
                whole = size is None or stream.tell() == size
        return stamp if whole else None

    def _require(self, location: str, status: int, good: Sequence[int]) -> None:
        if status in good:
            return
        if status in _GONE:
            reason, mend = "there is no such file", "put it there, then retry"
        elif status in _REDIRECTS:
            reason = "it sends on to another address, which is not followed"
            mend = "name the address itself, and list it in the settings"
        else:
            reason, mend = f"its server answers {status}", "mend it, then retry"
        raise TransferProblem(location, reason, mend)


def _extent(answer: Any) -> tuple[int | None, int]:
    """Return the size of the whole, None if it is not said, and where this begins."""
    length = answer.headers.get("content-length", "")
    if answer.status_code != _PARTIAL:
        return (int(length) if length.isdecimal() else None), 0
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None:
        return None, -1
    return (int(found[2]) if found[2].isdecimal() else None), int(found[1])


def _stamp(headers: Mapping[str, str], size: int | None = None) -> str:
    length = headers.get("content-length", "") if size is None else str(size)
    return f"{headers.get('etag', '-')} {headers.get('last-modified', '-')} {length}"


def _unreached(location: str, problem: Exception) -> NotReached:
    reason = f"its server cannot be reached: {problem}"
    return NotReached(location, reason, "retry when it is there")
