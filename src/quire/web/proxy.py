"""Gates that take a trusted proxy's word, and the address that it was asked under."""

import re

from starlette.datastructures import URL
from starlette.requests import Request

from quire.access.principals import Principal, Scope
from quire.access.proxy import (
    SECRET_HEADER,
    SERVICE_HEADER,
    TOKEN_HEADER,
    USER_HEADER,
    TrustedProxy,
)
from quire.access.tokens import SECRET_PREFIX, TokenUse
from quire.actions.tokens import Tokens
from quire.errors import Forbidden, InputError, ManyInputErrors, Unauthenticated
from quire.web.gate import Gate

_HOST = re.compile(
    r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?"
)
_LONGEST_NAME = 256


class MissingHeader(InputError):
    """A header that the proxy must send."""

    code = "missing_header"

    def __init__(self, header: str) -> None:
        super().__init__(header, "is missing", "sent once by the trusted proxy")


class ServiceGate(Gate):
    """Admits services that ask in a user's name.

    A trusted proxy names both in headers; from anybody else they are ignored, and a
    bearer token must stand for both.
    """

    def __init__(self, tokens: Tokens, proxy: TrustedProxy) -> None:
        super().__init__(tokens)
        self._proxy = proxy

    async def admit(self, request: Request) -> Principal:
        """Return the service and the user.

        Raises
        ------
        MissingHeader
            The proxy does not say both.
        Unauthenticated
            There is no good token; sessions are not taken here.
        Forbidden
            The token stands for no service.
        """
        bearer = "authorization" in request.headers
        if from_proxy(request, self._proxy) and (_named(request) or not bearer):
            return _principal(request)
        if not bearer:
            raise Unauthenticated("no token: send 'Authorization: Bearer <token>'")
        principal = await super().admit(request)
        if not principal.service:
            raise Forbidden(
                principal.name,
                "a token that stands for a service (quire token create --service)",
            )
        return principal


class UserGate(Gate):
    """Admits users of labs, of whom the trusted proxy says who they are.

    A token that it sends beside the name is looked up where it is one of ours, and
    must be that user's; another one the proxy has looked up itself. From anybody else
    such headers are ignored.
    """

    def __init__(self, tokens: Tokens, proxy: TrustedProxy) -> None:
        super().__init__(tokens)
        self._proxy = proxy

    async def admit(self, request: Request) -> Principal:
        """Return the user.

        Raises
        ------
        MissingHeader
            The proxy names nobody, or more than one.
        Unauthenticated
            There is no good token, or it is another user's.
        """
        if USER_HEADER not in request.headers or not from_proxy(request, self._proxy):
            return await super().admit(request)
        user = _single(request, USER_HEADER)
        if user is None:
            raise MissingHeader(USER_HEADER)
        principal = Principal(name=user, scopes=frozenset({Scope.LABS_RUN}))
        if TOKEN_HEADER not in request.headers:
            return principal
        token = _single(request, TOKEN_HEADER)
        if token is None:
            raise MissingHeader(TOKEN_HEADER)
        if not token.startswith(SECRET_PREFIX):
            return principal
        found = await self._tokens.admit(token, TokenUse.API)
        if found.name != user:
            raise Unauthenticated(f"the token in {TOKEN_HEADER} is not {user}'s")
        return found


class OperatorGate(Gate):
    """Admits the trusted proxy, which has let in operators alone, and administrators."""

    def __init__(self, tokens: Tokens, proxy: TrustedProxy) -> None:
        super().__init__(tokens)
        self._proxy = proxy

    async def admit(self, request: Request) -> Principal:
        """Return who asks.

        Raises
        ------
        Unauthenticated
            Neither the proxy nor anybody with a good token or session.
        """
        if "authorization" not in request.headers and from_proxy(request, self._proxy):
            return Principal(name="proxy", scopes=frozenset({Scope.ADMIN_ALL}))
        return await super().admit(request)


def from_proxy(request: Request, proxy: TrustedProxy) -> bool:
    """Return whether a request comes from the trusted proxy."""
    if not proxy.there:
        return False
    peer = request.client.host if request.client else None
    return proxy.sent(peer, request.headers.getlist(SECRET_HEADER))


def public_base(request: Request, proxy: TrustedProxy) -> str:
    """Return scheme and host that the client asked, or that the proxy was asked."""
    scheme = request.scope["scheme"]
    host = request.headers["host"]
    if from_proxy(request, proxy):
        forwarded = _first(request, "x-forwarded-proto").lower()
        scheme = forwarded if forwarded in {"http", "https"} else scheme
        forwarded = _first(request, "x-forwarded-host")
        host = forwarded if _HOST.fullmatch(forwarded) else host
    return f"{scheme}://{host}"


def public_url(request: Request, proxy: TrustedProxy) -> URL:
    """Return the address that the client asked, or that the proxy was asked."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    rest = path + b"?" * bool(query) + query
    return URL(public_base(request, proxy) + rest.decode("ascii", "replace"))


def _named(request: Request) -> bool:
    return USER_HEADER in request.headers or SERVICE_HEADER in request.headers


def _principal(request: Request) -> Principal:
    found: dict[str, str] = {}
    missing: list[InputError] = []
    for header in (SERVICE_HEADER, USER_HEADER):
        given = _single(request, header)
        if given is None:
            missing.append(MissingHeader(header))
        else:
            found[header] = given
    if missing:
        raise ManyInputErrors(missing)
    return Principal(
        name=found[USER_HEADER],
        service=found[SERVICE_HEADER],
        scopes=frozenset({Scope.JOBS_RUN}),
    )


def _single(request: Request, header: str) -> str | None:
    """Return what a header says, None unless it does so once and in bounds."""
    given = request.headers.getlist(header)
    if len(given) == 1 and 0 < len(given[0].strip()) <= _LONGEST_NAME:
        return given[0].strip()
    return None


def _first(request: Request, header: str) -> str:
    return request.headers.get(header, "").partition(",")[0].strip()
