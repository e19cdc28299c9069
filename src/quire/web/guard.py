"""What every request and every answer must keep to, around the whole application."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.errors import Forbidden, InputError
from quire.web.problems import problem

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# As they go out: every answer has them, so they are not made anew for each.
SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Guard:
    """Refuses foreign hosts and sets the security headers.

    A page of another site that has its own name resolve to 127.0.0.1 (DNS
    rebinding) sends that name as Host; only loopback names are ours.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                own = {name.lower() for name, _ in given}
                added = [one for one in SECURITY_HEADERS if one[0] not in own]
                message["headers"] = [*given, *added]
            await send(message)

        host = Headers(scope=scope).get("host")
        if host is None:
            refusal = problem(InputError("Host", "the header is missing"))
            await refusal(scope, receive, send_guarded)
        elif host_name(host) not in self._hosts:
            refusal = problem(Forbidden(f"host {host_name(host)!r}", "a loopback name"))
            await refusal(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)


def host_name(host: str) -> str:
    """Return what stands before the port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host
