"""Signed addresses of an S3 object store.

Source: AWS, Signature Version 4, "Authenticating Requests: Using Query Parameters".
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import msgspec

_SECONDS = 3600


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks an object store.

    Attributes
    ----------
    endpoint
        Address of the store; buckets follow in the path.
    """

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"


class Signer:
    """Signs addresses.

    Parameters
    ----------
    now
        Returns the time, with its zone.
    """

    def __init__(
        self,
        credentials: Credentials,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._credentials = credentials
        self._now = now

    def address(self, method: str, location: str) -> str:
        """Return where ``s3://bucket/key`` is to be had for an hour."""
        parts = urlsplit(location)
        store = urlsplit(self._credentials.endpoint)
        path = quote(f"/{parts.netloc}{parts.path}", safe="/-_.~")
        stamp = self._now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self._credentials.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self._credentials.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(_SECONDS),
            "X-Amz-SignedHeaders": "host",
        }
        asked = "&".join(f"{name}={quote(query[name], safe='')}" for name in query)
        request = "\n".join(
            (method, path, asked, f"host:{store.netloc}\n", "host", "UNSIGNED-PAYLOAD")
        )
        digest = hashlib.sha256(request.encode()).hexdigest()
        words = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        key = f"AWS4{self._credentials.secret_key}".encode()
        for step in scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        signature = hmac.digest(key, words.encode(), "sha256").hex()
        root = f"{store.scheme}://{store.netloc}"
        return f"{root}{path}?{asked}&X-Amz-Signature={signature}"
