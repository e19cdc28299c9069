"""Sources and receivers in an object store that speaks S3."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from quire.ports.transfer import Proceed, ReceiverFull, TransferProblem
from quire.products.receivers import Receiver, S3Receiver
from quire.transfer.http import HttpTransfer, trusted
from quire.transfer.signing import Credentials, Signer

_CHUNK = 1024 * 1024
_GOOD = range(200, 300)
_FULL = 507
_MOST = 5 * 1024**3  # what one PUT may carry


class S3Transfer(HttpTransfer):
    """Fetches ``s3://bucket/key`` by signed addresses.

    Parameters
    ----------
    prefixes
        ``s3://bucket/prefix`` below which it may fetch.
    """

    def __init__(self, prefixes: Sequence[str], credentials: Credentials) -> None:
        super().__init__(prefixes)
        self._signer = Signer(credentials)

    def address(self, location: str, method: str) -> str:
        """Return the signed address."""
        return self._signer.address(method, location)


class S3Delivery:
    """Puts products into an object store, whole or not at all."""

    def __init__(self, prefixes: Sequence[str], credentials: Credentials) -> None:
        self._places = HttpTransfer(prefixes)
        self._signer = Signer(credentials)

    def takes(self, receiver: Receiver) -> bool:
        """Return whether it lies below a listed place."""
        if not isinstance(receiver, S3Receiver):
            return False
        return self._places.takes(receiver.location)

    def host(self, receiver: Receiver) -> str:
        """Return its bucket."""
        return self._places.host(getattr(receiver, "location", ""))

    def deliver(
        self, receiver: Receiver, product: Path, name: str, *, proceed: Proceed
    ) -> None:
        """Deliver by one PUT."""
        if not isinstance(receiver, S3Receiver):
            raise TypeError(type(receiver))
        import httpx

        place = f"{receiver.location.rstrip('/')}/{name}"
        size = product.stat().st_size
        if size > _MOST:
            reason, mend = f"{size} bytes are too many for one PUT", "use rsync"
            raise TransferProblem(place, reason, mend)
        address = self._signer.address("PUT", place)
        try:
            answer = httpx.put(
                address,
                content=_chunks(product, proceed),
                headers={"Content-Length": str(size)},
                follow_redirects=False,
                trust_env=False,
                verify=trusted(place, address),
                timeout=60.0,
            )
        except httpx.TransportError as problem:
            reason = f"the object store cannot be reached: {problem}"
            mend = "retry when it is there"
            raise TransferProblem(place, reason, mend) from None
        reason = f"the object store answers {answer.status_code}"
        if answer.status_code == _FULL:
            raise ReceiverFull(place, reason, "make room")
        if answer.status_code not in _GOOD:
            raise TransferProblem(place, reason, "mend it, then retry")


def _chunks(product: Path, proceed: Proceed) -> Iterator[bytes]:
    with product.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while chunk := stream.read(_CHUNK):
            yield chunk
            proceed(len(chunk))
