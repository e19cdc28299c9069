"""`/api/v1/attempts/{job}/{n}`: the line between a runner elsewhere and the server."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.attempt_tokens import AttemptTokens
from quire.actions.runners import Parting, Runners
from quire.actions.tokens import Tokens
from quire.errors import Forbidden, Unauthenticated
from quire.faces.attempts.wire import (
    BeatBody,
    ClaimBody,
    DeliverBody,
    FinishBody,
    Orders,
    TellBody,
    Upload,
    UploadBody,
)
from quire.jobs.job import Assignment
from quire.ports.launcher import AttemptKey
from quire.web.body import integer, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response

_LONGEST_WAIT = 60
_WAIT = {"wait": Parameter(says="Seconds to be held while all is well.", type=int)}


class AttemptGate(Gate):
    """Admits a runner to its own attempt, and nobody else."""

    def __init__(self, tokens: Tokens, attempts: AttemptTokens) -> None:
        super().__init__(tokens)
        self._attempts = attempts

    async def admit(self, request: Request) -> Principal:
        """Return the attempt, as a principal.

        Whether it is still under way is for each verb to say: the last word of a runner
        comes when it is not.

        Raises
        ------
        Unauthenticated
            There is no token of an attempt.
        Forbidden
            It is that of another one.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("no token: an attempt's is taken here, as Bearer")
        key = self._attempts.attempt_of(token.strip())
        name = f"attempt {key[1]} of {key[0]}"
        if key != _key(request):
            raise Forbidden(name, "the token of this attempt")
        return Principal(name=name, scopes=frozenset({Scope.JOBS_RUN}))


class AttemptRoutes:
    """The verbs of an attempt, for a runner elsewhere."""

    def __init__(self, runners: Runners, own: AttemptGate, *, body_limit: int) -> None:
        self._runners = runners
        self._attempts = runners.attempts
        self._own = own
        self._limit = body_limit

    def routes(self, _: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        own = self._own
        one, needs = "/api/v1/attempts/{job}/{attempt:int}", Scope.JOBS_RUN
        posted = (
            ("claim", self.claim, ClaimBody, Assignment),
            ("beat", self.beat, BeatBody, None),
            ("tell", self.tell, TellBody, None),
            ("deliver", self.deliver, DeliverBody, None),
            ("finish", self.finish, FinishBody, None),
            ("leave", self.leave, Parting, None),
            ("upload", self.upload, UploadBody, Upload),
        )
        held = Operation(query=_WAIT, answers={200: Orders})
        return (
            *(
                own.route(
                    f"{one}/{verb}",
                    handler,
                    needs=needs,
                    methods=["POST"],
                    describes=Operation(
                        body=body, answers={200 if answer else 204: answer}
                    ),
                )
                for verb, handler, body, answer in posted
            ),
            own.route(
                f"{one}/orders",
                self.orders,
                needs=needs,
                methods=["GET"],
                describes=held,
            ),
        )

    async def claim(self, request: Request, _: Principal) -> Response:
        """Begin the attempt."""
        body = await read_json(request, ClaimBody, self._limit)
        return json_response(await self._runners.claim(*_key(request), body.runner))

    async def beat(self, request: Request, _: Principal) -> Response:
        """Renew the lease."""
        await self._attempts.beat(*_key(request))
        return _done()

    async def tell(self, request: Request, _: Principal) -> Response:
        """Append to the job's progress log."""
        key, body = _key(request), await read_json(request, TellBody, self._limit)
        if body.again and await self._runners.told(key[0], body.event):
            await self._attempts.beat(*key)
        else:
            await self._attempts.tell(*key, body.event, body.standing)
        return _done()

    async def deliver(self, request: Request, _: Principal) -> Response:
        """Make a finished file known."""
        body = await read_json(request, DeliverBody, self._limit)
        await self._runners.deliver(*_key(request), body.result)
        return _done()

    async def finish(self, request: Request, _: Principal) -> Response:
        """End the attempt; a product is published before the answer."""
        body = await read_json(request, FinishBody, self._limit)
        await self._runners.finish(*_key(request), body.outcome)
        return _done()

    async def leave(self, request: Request, _: Principal) -> Response:
        """Take the last word: nothing of the attempt is left."""
        body = await read_json(request, Parting, self._limit)
        await self._runners.leave(*_key(request), body)
        return _done()

    async def upload(self, request: Request, _: Principal) -> Response:
        """Say where a file is put that the server does not see."""
        body = await read_json(request, UploadBody, self._limit)
        url = await self._runners.upload(*_key(request), body.path)
        return json_response(Upload(url=url))

    async def orders(self, request: Request, _: Principal) -> Response:
        """Answer at once when the attempt must end, else after the wait."""
        wait = integer(request, "wait", 0, least=0, most=_LONGEST_WAIT) or 0
        goes_on = await self._runners.orders(*_key(request), wait)
        return json_response(Orders(end=not goes_on))


def _key(request: Request) -> AttemptKey:
    return request.path_params["job"], request.path_params["attempt"]


def _done() -> Response:
    return Response(status_code=204)
