"""JSON that is ours, and nothing that JSON does not have."""

import math
from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder(enc_hook=str).encode


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a value as a JSON response; NaN and infinities become null."""
    return Response(
        _encode(value), status, headers=headers, media_type="application/json"
    )


def plain(value: Any) -> Any:
    """Return a document's value in JSON that browsers read.

    NaN and infinities become null, and integers beyond 64 bits text; the originals
    are to be had from the run's documents.
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
