"""Query parameters that several faces take, and none that would be passed over."""

from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from quire.access.principals import Principal
from quire.actions.lookup import By
from quire.errors import InputError
from quire.web.description import Parameter
from quire.web.gate import Handler

BY = Parameter(says="What the run is named by; else whatever fits.", type=By)


def taking(handler: Handler, *known: str) -> Handler:
    """Have a handler refuse what it does not know: ``?scan_id=5`` would find all runs."""

    @wraps(handler)
    async def checked(request: Request, principal: Principal) -> Response:
        unknown = next((name for name in request.query_params if name not in known), "")
        if unknown:
            searched = "; q=FIELD = VALUE asks for a field" if "q" in known else ""
            mend = f"one of {', '.join(known)}{searched}" if known else "it takes none"
            raise InputError(unknown[:40], "is no parameter of this", mend)
        return await handler(request, principal)

    return checked
