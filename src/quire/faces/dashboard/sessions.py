"""Sessions of browsers, begun by a login link."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from quire.access.proxy import TrustedProxy
from quire.actions.tokens import SESSION_SECONDS, Tokens
from quire.web.gate import SESSION_COOKIE
from quire.web.proxy import public_base


class Sessions:
    """Turns login links into sessions.

    Parameters
    ----------
    public_url
        Where browsers see the server; empty if they ask it, or the proxy, themselves.
    """

    def __init__(self, tokens: Tokens, *, public_url: str, proxy: TrustedProxy) -> None:
        self._tokens = tokens
        self._public_url = public_url
        self._proxy = proxy

    async def begin(self, request: Request) -> Response:
        """Begin a session: a cookie that goes nowhere but to us, and not in the clear."""
        issued = await self._tokens.log_in(request.query_params.get("code", ""))
        address = self._public_url or public_base(request, self._proxy)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            SESSION_COOKIE,
            issued.secret,
            max_age=int(SESSION_SECONDS),
            httponly=True,
            samesite="lax",
            secure=address.startswith("https:"),
        )
        return response
