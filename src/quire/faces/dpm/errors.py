"""Errors as DaqException: an id and a message, nested causes line by line."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from quire.errors import InputError, ManyInputErrors, QuireError
from quire.web.json import json_response
from quire.web.problems import problem, status_of


def daq_exception(error: QuireError, acquisition: str = "") -> Response:
    """Return an error as DPM tells it.

    Parameters
    ----------
    acquisition
        Id of the acquisition that the command was about, empty if it named none.
    """
    each = _each(error)
    lines = [str(one) for one in each] or [str(error)]
    body: dict[str, Any] = {
        "exception": "DaqException",
        "id": acquisition,
        "message": "\n".join(lines),
        "errors": [
            {"field": one.field, "reason": one.reason, "mend": one.mend} for one in each
        ],
    }
    response = json_response(body, status_of(error))
    kept = ("www-authenticate", "retry-after", "accept-encoding", "connection")
    plain = problem(error).headers
    response.headers.update({name: plain[name] for name in kept if name in plain})
    return response


def _each(error: QuireError) -> Sequence[InputError]:
    if isinstance(error, ManyInputErrors):
        return error.errors
    return (error,) if isinstance(error, InputError) else ()
