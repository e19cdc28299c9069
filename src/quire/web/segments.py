"""Slashes within a segment of a path: a run's uid may have them (RFC 3986, 2.2)."""

from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

# Of the private use area: no path has it but by us, while a request is routed.
_SLASH = "\ue02f"


class EncodedSlashes:
    """Keeps ``%2F`` apart from the slashes that divide a path.

    The server hands on paths decoded, in which both are the same.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%2f" in raw.lower():
            parts = raw.partition(b"?")[0].decode("ascii", "replace").split("/")
            # In place: those around us find in it which route was taken.
            scope["path"] = "/".join(unquote(one).replace("/", _SLASH) for one in parts)
        await self._app(scope, receive, send)


def restored(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a route took from a path, with the slashes as they were meant."""
    return {
        name: value.replace(_SLASH, "/") if isinstance(value, str) else value
        for name, value in given.items()
    }
