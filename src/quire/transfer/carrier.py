"""Results of attempts through an object store that speaks S3."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from quire.errors import InputError
from quire.transfer.s3 import S3Transfer
from quire.transfer.settings import S3Settings, credentials_of
from quire.transfer.signing import Credentials, Signer
from quire.trust import verified

_SCHEME = "s3://"


class S3Carrier:
    """A `quire.ports.result_carrier.ResultCarrier` below one prefix.

    Parameters
    ----------
    prefix
        ``s3://bucket/prefix``.
    """

    def __init__(self, prefix: str, credentials: Credentials) -> None:
        self._prefix = prefix.rstrip("/")
        self._signer = Signer(credentials)
        self._transfer = S3Transfer([self._prefix], credentials)

    def place(self, path: str) -> str:
        """Return a signed address."""
        return self._signer.address("PUT", f"{self._prefix}/{path}")

    def fetch(self, path: str, target: Path) -> None:
        """Bring a file here by rename, so that it is whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f".{target.name}.fetched")
        self._transfer.fetch(
            f"{self._prefix}/{path}", part, private=True, proceed=lambda _: None
        )
        part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self, path: str) -> None:
        """Remove a file."""
        import httpx

        address = self._signer.address("DELETE", f"{self._prefix}/{path}")
        with contextlib.suppress(httpx.TransportError):
            httpx.delete(address, trust_env=False, verify=verified(address))


def carrier(
    prefix: str,
    transfers: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
) -> S3Carrier:
    """Return the carrier of an engine, with the store that ``[transfers.s3]`` names.

    Raises
    ------
    InputError
        The prefix is none, or there is no such store.
    """
    if not prefix.startswith(_SCHEME):
        raise InputError("results", f"{prefix!r} is no object store", "s3://bucket/x")
    try:
        settings = msgspec.convert(transfers.get("s3", {}), S3Settings)
    except msgspec.ValidationError as error:
        raise InputError("transfers.s3", str(error)) from None
    if not settings.endpoint:
        raise InputError("results", "there is no store", "give [transfers.s3] endpoint")
    return S3Carrier(prefix, credentials_of(settings, environment))
