"""Where this server listens, as programs of the same machine reach it."""

from starlette.requests import Request


def own_address(request: Request) -> str:
    """Return the address at which a request came in, whatever its Host says."""
    host, port = request.scope["server"]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
