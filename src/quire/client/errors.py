"""What can go wrong between a client and its server.

QuireError
 ├── NoServer           none runs, or none that can be found
 ├── SeveralServers     which one is meant is not said
 ├── ConnectionLost     it does not answer, however often it is asked
 ├── JobFailed          the job that was waited for did not complete
 └── Refused            it answered, and the answer is no
      ├── RefusedInput      an InputError
      ├── RefusedLookup     a NotFound, and a KeyError
      ├── RefusedAmbiguous  an Ambiguous, and a ValueError
      ├── RefusedToken      an Unauthenticated
      ├── RefusedRight      a Forbidden
      └── RefusedConflict   a Conflict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from quire.errors import (
    Ambiguous,
    Conflict,
    Forbidden,
    InputError,
    NotFound,
    QuireError,
    Unauthenticated,
)


class NoServer(QuireError):
    """No server was found."""

    code = "no_server"

    def __init__(self, looked: str) -> None:
        self.looked = looked
        super().__init__(
            f"no running server found ({looked}); start one with `quire serve`,"
            " or set QUIRE_URL and QUIRE_TOKEN"
        )


class SeveralServers(QuireError):
    """Several servers run, and nothing says which one is meant."""

    code = "several_servers"

    def __init__(self, servers: Sequence[str]) -> None:
        self.servers = tuple(servers)
        super().__init__(
            f"several servers run: {', '.join(self.servers)};"
            " set QUIRE_DIR to the data folder of one, or QUIRE_URL and QUIRE_TOKEN"
        )


class ConnectionLost(QuireError):
    """The server does not answer."""

    code = "connection_lost"

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url} does not answer: {reason}")


class JobFailed(QuireError):
    """A job ended, or stands still, without having completed.

    Parameters
    ----------
    phase
        Its phase, as UWS names it.
    """

    code = "job_failed"

    def __init__(self, job: str, phase: str, reason: str) -> None:
        self.job = job
        self.phase = phase
        self.reason = reason
        super().__init__(f"job {job} is {phase}" + (f": {reason}" if reason else ""))


class Refused(QuireError):
    """The server answered with a problem (RFC 9457).

    Attributes
    ----------
    status
        HTTP status.
    reported
        The server's code for it, empty if it gave none.
    detail
        Its words.
    field, mend
        What is wrong and what would be right, empty where not given.
    problem
        The whole answer.
    """

    code = "refused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        self.reported = str(problem.get("code") or "")
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.field = str(problem.get("field") or "")
        self.mend = str(problem.get("mend") or "")
        self.what = self.name = self.reason = self.principal = self.needs = ""
        self.candidates = tuple(str(one) for one in problem.get("candidates") or ())
        Exception.__init__(self, self._words())

    def __str__(self) -> str:
        return str(self.args[0])

    def _words(self) -> str:
        words = self.detail or f"the server answered {self.status}"
        if self.field and not words.startswith(self.field):
            words = f"{self.field}: {words}"
        if self.mend and self.mend not in words:
            words = f"{words} ({self.mend})"
        return words


class RefusedInput(Refused, InputError, ValueError):
    """A value cannot be used."""


class RefusedLookup(Refused, NotFound, KeyError):
    """Nothing there under that name."""


class RefusedAmbiguous(Refused, Ambiguous, ValueError):
    """Several answer to that name."""


class RefusedToken(Refused, Unauthenticated):
    """The token is missing, wrong or expired."""


class RefusedRight(Refused, Forbidden, PermissionError):
    """The token is good, but not for this."""


class RefusedConflict(Refused, Conflict):
    """Something else stands there already."""


_BY_CODE: Mapping[str, type[Refused]] = {
    "invalid_input": RefusedInput,
    "not_found": RefusedLookup,
    "ambiguous": RefusedAmbiguous,
    "unauthenticated": RefusedToken,
    "forbidden": RefusedRight,
    "conflict": RefusedConflict,
}
_BY_STATUS: Mapping[int, type[Refused]] = {
    400: RefusedInput,
    401: RefusedToken,
    403: RefusedRight,
    404: RefusedLookup,
    422: RefusedInput,
}


def refusal(status: int, problem: Mapping[str, Any]) -> Refused:
    """Return the exception for a problem that a server reports."""
    by_code = _BY_CODE.get(str(problem.get("code") or ""))
    return (by_code or _BY_STATUS.get(status, Refused))(status, problem)
