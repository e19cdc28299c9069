"""`/api/v1/runs/{which}/...`: judging runs, with undo."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.annotate import Annotate
from quire.actions.lookup import By
from quire.actions.search import Question
from quire.errors import InputError
from quire.faces.catalog.taking import BY
from quire.faces.catalog.wire import quality
from quire.runs.annotations import FieldValue, SignOff, Span
from quire.runs.changes import (
    AddComment,
    Change,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
)
from quire.web.body import choice, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate, Handler
from quire.web.json import json_response

_OF_ONE = Operation(query={"by": BY})
_WITHDRAWN = Operation(query={"by": BY, "reason": Parameter(says="Why.")})
_BODY = 256 * 1024  # the longest comment, each sign of it as two \uXXXX


class ReasonAsked(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Why."""

    reason: str = ""


class Judged(ReasonAsked, frozen=True, kw_only=True):
    """What a change of one run may say beside what it changes.

    Attributes
    ----------
    seen
        The version of the run's quality that was looked at; None for whatever it is.
    """

    seen: int | None = None


class Flagged(ReasonAsked, frozen=True, kw_only=True):
    """A flag; `value` None takes it away."""

    detector: str
    value: str | None
    cause: str = ""
    comment: str = ""
    span: Span | None = None

    def change(self) -> Change:
        """Return it as a change."""
        if self.value is None:
            return RemoveFlag(detector=self.detector, span=self.span)
        return SetFlag(
            detector=self.detector,
            value=self.value,
            cause=self.cause,
            comment=self.comment,
            span=self.span,
        )


class FlagAsked(Flagged, frozen=True, kw_only=True):
    """A flag for one run; see `Judged`."""

    seen: int | None = None


class ManyFlagsAsked(Flagged, frozen=True, kw_only=True):
    """A flag for all runs that a query finds."""

    q: str


class SignOffAsked(Judged, frozen=True, kw_only=True):
    """How far the judgement has come."""

    state: SignOff


class CommentAsked(ReasonAsked, frozen=True, kw_only=True):
    """A remark."""

    text: str


class FieldAsked(Judged, frozen=True, kw_only=True):
    """A facility field; `value` None leaves it to the start document again."""

    name: str
    value: FieldValue | None


class UndoAsked(ReasonAsked, frozen=True, kw_only=True):
    """Which change shall count no more."""

    version: int


class QualityRoutes:
    """Judgements in, and their history out."""

    def __init__(self, annotate: Annotate) -> None:
        self._annotate = annotate

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one, needs = "/api/v1/runs/{which}", Scope.RUNS_ANNOTATE

        def route(
            method: str, path: str, handler: Handler, says: Operation = _OF_ONE
        ) -> BaseRoute:
            return gate.route(
                path, handler, needs=needs, methods=[method], describes=says
            )

        return [
            gate.route(
                f"{one}/history",
                self.history,
                needs=Scope.RUNS_READ,
                methods=["GET"],
                describes=_OF_ONE,
            ),
            route("POST", "/api/v1/runs/flags", self.flag_all, Operation()),
            route("POST", "/api/v1/batches/{batch}/undo", self.undo_batch, Operation()),
            route("POST", f"{one}/flags", self.flag),
            route("PUT", f"{one}/sign-off", self.sign_off),
            route("POST", f"{one}/comments", self.comment),
            route("DELETE", f"{one}/comments/{{number}}", self.withdraw, _WITHDRAWN),
            route("POST", f"{one}/fields", self.field),
            route("POST", f"{one}/undo", self.undo),
        ]

    async def history(self, request: Request, principal: Principal) -> Response:
        """Return who changed what of a run, in order."""
        which = request.path_params["which"]
        by = choice(request, "by", By)
        return json_response(
            {"history": await self._annotate.history(which, principal, by=by)}
        )

    async def flag(self, request: Request, principal: Principal) -> Response:
        """Judge one detector in a run or a part of it."""
        asked = await read_json(request, FlagAsked, _BODY)
        return await self._answer(request, principal, asked.change(), asked)

    async def flag_all(self, request: Request, principal: Principal) -> Response:
        """Judge one detector in all runs that a query finds."""
        asked = await read_json(request, ManyFlagsAsked, _BODY)
        batch = await self._annotate.change_all(
            Question(text=asked.q), asked.change(), principal, reason=asked.reason
        )
        return json_response(batch)

    async def sign_off(self, request: Request, principal: Principal) -> Response:
        """Say how far the judgement of a run has come."""
        asked = await read_json(request, SignOffAsked, _BODY)
        change = SetSignOff(state=asked.state)
        return await self._answer(request, principal, change, asked)

    async def comment(self, request: Request, principal: Principal) -> Response:
        """Remark something on a run."""
        asked = await read_json(request, CommentAsked, _BODY)
        change = AddComment(text=asked.text)
        said = Judged(reason=asked.reason)
        return await self._answer(request, principal, change, said)

    async def withdraw(self, request: Request, principal: Principal) -> Response:
        """Take a remark back."""
        text = request.path_params["number"]
        if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - no version is so long
            raise InputError("number", f"{text[:40]!r} is no number of a comment")
        change = WithdrawComment(number=int(text))
        said = Judged(reason=request.query_params.get("reason", ""))
        return await self._answer(request, principal, change, said)

    async def field(self, request: Request, principal: Principal) -> Response:
        """Set a facility field."""
        asked = await read_json(request, FieldAsked, _BODY)
        change = SetField(name=asked.name, value=asked.value)
        return await self._answer(request, principal, change, asked)

    async def undo(self, request: Request, principal: Principal) -> Response:
        """Let one change count no more; undoing an undo brings it back."""
        asked = await read_json(request, UndoAsked, _BODY)
        change = Undo(version=asked.version)
        return await self._answer(
            request, principal, change, Judged(reason=asked.reason)
        )

    async def undo_batch(self, request: Request, principal: Principal) -> Response:
        """Undo what was changed in one go."""
        asked = await read_json(request, ReasonAsked, _BODY)
        batch = request.path_params["batch"]
        done = await self._annotate.undo_batch(batch, principal, reason=asked.reason)
        return json_response(done)

    async def _answer(
        self,
        request: Request,
        principal: Principal,
        change: Change,
        said: FlagAsked | Judged,
    ) -> Response:
        which: Any = request.path_params["which"]
        by = choice(request, "by", By)
        run = await self._annotate.change(
            which, change, principal, by=by, reason=said.reason, seen=said.seen
        )
        return json_response({"uid": run.uid, **quality(run)})
