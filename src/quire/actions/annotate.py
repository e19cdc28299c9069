"""Judging runs: flags, sign-off, comments and facility fields, with undo."""

import math
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from quire.access.principals import Principal, Scope, require
from quire.actions.lookup import By, find_run
from quire.actions.search import Question, Search
from quire.actions.seeing import may_see
from quire.clock import Clock, IdMaker
from quire.errors import Conflict, InputError, NotFound
from quire.ports.store import Store, Transaction
from quire.runs.annotations import SignOff
from quire.runs.changes import (
    AddComment,
    Change,
    Entry,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
    annotations,
    undone,
)
from quire.runs.overtaking import judged_since_signed, overtaken
from quire.runs.query.reading import unquoted
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.tree import Literal
from quire.runs.run import Run
from quire.runs.settable import check_field, check_flag, check_reason

_AT_ONCE = 200
_LONGEST_TEXT = 10_000
_FLAG = "flag."
_FREE_WHEN_COMPLETE = (AddComment, WithdrawComment, SetSignOff)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed in one go."""

    id: str
    runs: int


class Annotate:
    """Changes what people say of runs.

    Parameters
    ----------
    fields
        Which facility fields there are, and what they may hold.
    """

    def __init__(
        self,
        store: Store,
        search: Search,
        fields: FieldRegistry,
        clock: Clock,
        ids: IdMaker,
    ) -> None:
        self._store = store
        self._search = search
        self._fields = fields
        self._clock = clock
        self._ids = ids

    @property
    def detectors(self) -> Mapping[str, tuple[Literal, ...]]:
        """Detectors whose flags the facility declares, with the values that they take.

        Empty values stand for any.
        """
        return {
            field.name.removeprefix(_FLAG): field.choices
            for field in self._fields
            if field.name.startswith(_FLAG) and not field.is_family
        }

    async def change(
        self,
        which: str,
        change: Change,
        principal: Principal,
        *,
        by: By | None = None,
        reason: str = "",
        seen: int | None = None,
    ) -> Run:
        """Change one run.

        Parameters
        ----------
        seen
            The version of its annotations that the principal looked at; None changes
            them whatever was judged since.

        Raises
        ------
        InputError
            A name or value cannot be; names the field.
        NotFound, Ambiguous
            No run, or several, answer to `which`; or there is no such entry.
        Conflict
            The run's quality is complete, was judged by the same person alone, or
            was judged since by somebody else.
        """
        require(principal, Scope.RUNS_ANNOTATE)
        if isinstance(change, SetField):
            change = replace(change, name=unquoted(change.name))
        self._check(change, reason)

        def decide(tx: Transaction) -> Run:
            run = find_run(tx, which, principal, by=by)
            if seen is not None:
                _refuse_overtaken(run, tx.run_history.of_run(run.uid), seen, change)
            return self._changed(tx, run, change, principal, reason=reason, batch="")

        return await self._store.decide(decide)

    async def change_all(
        self, question: Question, change: Change, principal: Principal, *, reason: str
    ) -> Batch:
        """Change all runs that a question finds; what it returns undoes them as one.

        Runs are changed some at a time, so that nothing else waits long; none is
        changed where one of them may not be. Runs without a flag that is to be removed
        are left as they are.

        Raises
        ------
        InputError
            A name or value cannot be; names the field.
        Conflict
            The quality of a run among them is complete.
        """
        require(principal, Scope.RUNS_ANNOTATE)
        self._check(change, reason)
        batch = self._ids.new_id()
        # Found before the first is changed: a change may be what the question asks.
        uids: list[str] = []
        async for run in self._search.runs(question, principal):
            if _lacks_flag(run, change) is None:
                _allow(run, change, principal)
                uids.append(run.uid)

        def step(tx: Transaction, uid: str) -> None:
            run = tx.runs.get(uid)
            if run is not None and _lacks_flag(run, change) is None:
                self._changed(tx, run, change, principal, reason=reason, batch=batch)

        await self._in_steps(uids, step, batch)
        return Batch(id=batch, runs=len(uids))

    async def undo_batch(
        self, batch: str, principal: Principal, *, reason: str
    ) -> Batch:
        """Undo what was changed in one go, but for what was undone since.

        Of the runs that the principal may see; none is changed where one may not be.

        Raises
        ------
        NotFound
            There is no such batch among the runs that the principal may see.
        Conflict
            All of it is undone already, or the quality of a run is complete.
        """
        require(principal, Scope.RUNS_ANNOTATE)
        check_reason(reason)
        found = await self._store.view(lambda tx: _of_batch(tx, batch, principal))
        if not found:
            raise NotFound("batch", batch)
        again = self._ids.new_id()
        done: set[str] = set()  # a decision may be made twice

        def step(tx: Transaction, uid: str) -> None:
            run = find_run(tx, uid, principal, by=By.UID)
            if found[uid] not in undone(tx.run_history.of_run(uid)):
                change = Undo(version=found[uid])
                self._changed(tx, run, change, principal, reason=reason, batch=again)
                done.add(uid)

        await self._in_steps(list(found), step, again)
        if not done:
            raise Conflict("batch", batch, "is undone already")
        return Batch(id=again, runs=len(done))

    async def history(
        self, which: str, principal: Principal, *, by: By | None = None
    ) -> tuple[Entry, ...]:
        """Return who changed what of a run."""

        def question(tx: Transaction) -> tuple[Entry, ...]:
            run = find_run(tx, which, principal, by=by)
            return tx.run_history.of_run(run.uid)

        return await self._store.view(question)

    async def _in_steps(
        self, uids: list[str], step: Callable[[Transaction, str], None], batch: str
    ) -> None:
        for begin in range(0, len(uids), _AT_ONCE):
            some = uids[begin : begin + _AT_ONCE]

            def decide(tx: Transaction, some: list[str] = some) -> None:
                for uid in some:
                    step(tx, uid)

            try:
                await self._store.decide(decide)
            except Conflict as late:  # somebody judged it since it was looked at
                if not begin:
                    raise
                told = f"; of the others {begin} are changed, as batch {batch}"
                raise Conflict(late.what, late.name, late.reason + told) from None

    def _changed(
        self,
        tx: Transaction,
        run: Run,
        change: Change,
        principal: Principal,
        *,
        reason: str,
        batch: str,
    ) -> Run:
        _allow(run, change, principal)
        history = tx.run_history.of_run(run.uid)
        if _completes(change) and judged_since_signed(history):
            reason = "was judged otherwise since it was signed off; sign it off again"
            raise Conflict("run", run.uid, reason)
        if isinstance(change, Undo):
            _find_undoable(run, history, change.version)
        if isinstance(change, WithdrawComment):
            _find_comment(run, change.number)
        if lacks := _lacks_flag(run, change):
            raise lacks
        entry = Entry(
            run=run.uid,
            version=len(history) + 1,
            at=self._clock.now(),
            author=principal.name,
            change=change,
            reason=reason,
            batch=batch,
        )
        said = replace(annotations([*history, entry]), lists=run.annotations.lists)
        if isinstance(change, Undo) and said.sign_off is SignOff.COMPLETE:
            # Who completed it has not seen what was changed since.
            reason = "an undo cannot complete its quality again; set the sign-off"
            raise Conflict("run", run.uid, reason)
        after = replace(run, annotations=said)
        tx.run_history.append(entry)
        tx.runs.put(after)
        return after

    def _check(self, change: Change, reason: str) -> None:
        check_reason(reason)
        match change:
            case SetFlag() | RemoveFlag():
                _check_span(change)
                check_flag(self._fields, change)
            case AddComment(text=text):
                if not text.strip() or len(text) > _LONGEST_TEXT:
                    raise InputError(
                        "text", "is empty or too long", "1 to 10000 characters"
                    )
            case SetField():
                check_field(self._fields, change)
            case _:
                pass


def _of_batch(tx: Transaction, batch: str, principal: Principal) -> dict[str, int]:
    """Return the entries of a batch that may be undone, by run."""
    found: dict[str, int] = {}
    for entry in tx.run_history.of_batch(batch):
        run = tx.runs.get(entry.run)
        if run is None or not may_see(principal, run):
            continue
        if entry.version not in undone(tx.run_history.of_run(entry.run)):
            _allow(run, Undo(version=entry.version), principal)
        found[entry.run] = entry.version
    return found


def _check_span(change: SetFlag | RemoveFlag) -> None:
    span = change.span
    if span is None:
        return
    if span.unit not in ("time", "event"):
        raise InputError("span/unit", f"{span.unit[:40]!r} is unknown", "time or event")
    if not (math.isfinite(span.first) and math.isfinite(span.last)):
        raise InputError("span", "its ends must be finite")
    if span.unit == "event" and isinstance(change, SetFlag):
        for name in ("first", "last"):
            if not float(getattr(span, name)).is_integer():
                raise InputError(f"span/{name}", "is no whole number", "such as 100")
    if span.first > span.last:
        raise InputError("span/last", f"{span.last} stands before {span.first}")


def _allow(run: Run, change: Change, principal: Principal) -> None:
    said = run.annotations
    if said.sign_off is SignOff.COMPLETE and not isinstance(
        change, _FREE_WHEN_COMPLETE
    ):
        raise Conflict("run", run.uid, "its quality is complete; set sign-off to open")
    if not _completes(change):
        return
    if said.sign_off is SignOff.COMPLETE:
        raise Conflict("run", run.uid, "is complete already")
    if said.sign_off is not SignOff.SIGNED_OFF:
        raise Conflict(
            "run", run.uid, "is not signed off yet, so it cannot be complete"
        )
    if said.signed_by == principal.name and not principal.is_admin:
        raise Conflict("run", run.uid, "a second person has to complete it")


def _completes(change: Change) -> bool:
    return isinstance(change, SetSignOff) and change.state is SignOff.COMPLETE


def _refuse_overtaken(
    run: Run, history: tuple[Entry, ...], seen: int, change: Change
) -> None:
    since = overtaken(history, seen, change)
    if since is not None:
        reason = f"{since.author} judged the same meanwhile (change {since.version})"
        raise Conflict("run", run.uid, f"{reason}; look at it, then send yours again")


def _find_undoable(run: Run, history: tuple[Entry, ...], version: int) -> None:
    if not any(entry.version == version for entry in history):
        raise NotFound("change", str(version), f"run {run.uid} has {len(history)}")
    if version in undone(history):
        raise Conflict("change", str(version), "is undone already")


def _lacks_flag(run: Run, change: Change) -> NotFound | None:
    """Return what is to be said where a flag that is to be removed is not there."""
    if not isinstance(change, RemoveFlag):
        return None
    wanted = (change.detector, change.span)
    if any((one.detector, one.span) == wanted for one in run.annotations.flags):
        return None
    return NotFound("flag", change.detector, f"run {run.uid} has none of that part")


def _find_comment(run: Run, number: int) -> None:
    if not any(comment.number == number for comment in run.annotations.comments):
        raise NotFound("comment", str(number))
