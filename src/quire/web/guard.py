"""What every request and every answer must keep to, around the whole application."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.errors import Forbidden, InputError, QuireError
from quire.web.problems import Page, legible, problem

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

    Parameters
    ----------
    page
        How a person is told of a refusal; None tells everybody as programs are.
    """

    def __init__(
        self, app: ASGIApp, hosts: frozenset[str], *, page: Page | None = None
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._page = page

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

        error = self._refused(Headers(scope=scope).get("host"))
        if error is None:
            await self._app(scope, receive, send_guarded)
            return
        refusal = await legible(Request(scope, receive), problem(error), self._page)
        await refusal(scope, receive, send_guarded)

    def _refused(self, host: str | None) -> QuireError | None:
        if host is None:
            return InputError("Host", "the header is missing")
        name = host_name(host)
        if name not in self._hosts:
            known = "a loopback name, or one of `hosts` under [proxy] in quire.toml"
            return Forbidden(f"host {name!r}", known)
        return None


def host_name(host: str) -> str:
    """Return what stands before the port, in small letters (RFC 9110, 4.2.3)."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return (host.rpartition(":")[0] if ":" in host else host).lower()
