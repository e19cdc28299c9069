"""Products by themselves: rules say which runs are projected when they close.

A rule stands in ``quire.toml`` as a table ``[projections.NAME]``; one, ``start``, is
there by itself and makes what the start documents say. Each closed run that a rule finds
gets one job, and another one when late documents have changed the run: what was made
before stays, under its own identity.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.changed_runs import ChangedRuns
from quire.actions.search import Question, Search
from quire.actions.submit import Jobs, Request
from quire.actions.tokens import EVERYTHING
from quire.clock import Clock
from quire.errors import InputError, QuireError, StoreUnavailable
from quire.jobs.limits import QuotaExceeded
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.products.projection.entries import read_projections
from quire.runs.query.tree import OneOf
from quire.runs.run import Run

_log = logging.getLogger(__name__)
_KIND = "project"
SPACE = "projection rule"
_SILENCE_SECONDS = 60.0
_GATHER_SECONDS = 0.5
# Seconds until what was refused for now is tried again.
_PATIENCE_SECONDS = 5.0
_FOR_NOW = (QuotaExceeded, StoreUnavailable)
# The newest runs are looked through again, for what no document tells: that a run was
# closed by hand, or is found only since somebody has flagged it.
_LOOKED_AT = 200
_MOST_UIDS = 500
_MOST_DECLARED = 50
_REMEMBERED = 10_000
DECLARED = "start"
"""The rule that is there by itself."""
_SUCCESS = "success"


class ProjectionRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A table ``[projections.NAME]``.

    Attributes
    ----------
    declared
        Whether each projection of a run's start document is made, one product each;
        `projection` is of no use then. So it is of the rule ``start``.
    runs
        Which, in the query language; all if empty.
    projection, format
        As of the kind `project`.
    failed
        Whether aborted and failed runs, too.
    backlog
        Whether also runs that were there before the rule was.
    enabled
        Whether it does anything, until somebody switches it (`ProjectionRules`).
    """

    declared: bool = False
    runs: str = ""
    projection: str = ""
    format: str = "nexus"
    failed: bool = False
    backlog: bool = False
    enabled: bool = True


def projection_rules(tables: Mapping[str, Any]) -> dict[str, ProjectionRule]:
    """Return the rules of the settings by name.

    Raises
    ------
    InputError
        A table cannot be used; says which and why.
    """
    found = {}
    own: dict[str, Any] = {"declared": True}
    whole = {DECLARED: {}, **tables}
    for name, given in whole.items():
        table = {**own, **given} if name == DECLARED else given
        try:
            found[name] = msgspec.convert(table, ProjectionRule)
        except msgspec.ValidationError as error:
            raise InputError(f"projections.{name}", str(error)) from None
    return found


class ProjectRuns:
    """Queues the jobs that the rules ask for."""

    def __init__(  # what it works with; all given by the root
        self,
        store: Store,
        search: Search,
        jobs: Jobs,
        doorbell: Doorbell,
        clock: Clock,
        *,
        rules: Mapping[str, ProjectionRule],
    ) -> None:
        self._store = store
        self._search = search
        self._jobs = jobs
        self._doorbell = doorbell
        self._clock = clock
        self._rules = dict(rules)
        self._seen: dict[str, dict[str, int]] = {name: {} for name in self._rules}
        self._changed = {
            name: ChangedRuns(store, f"projections {name}") for name in self._rules
        }
        self._scanned: dict[str, float] = {}
        self._pause = _SILENCE_SECONDS
        self._since: dict[str, float] = {}
        self._admin = Principal(name="", scopes=EVERYTHING)

    async def begin(self) -> None:
        """Note since when each rule is there: before the first run can come."""
        for name, changed in self._changed.items():
            await self._began(name)
            await changed.begin()

    async def run(self) -> None:
        """Follow the runs for ever; ends by cancellation."""
        while self._rules:
            ticket = self._doorbell.ticket("runs")
            await self.look()
            await self._doorbell.wait("runs", ticket, self._pause)
            await asyncio.sleep(_GATHER_SECONDS)

    async def look(self) -> int:
        """Queue what is not queued yet; return how many jobs."""
        queued, self._pause = 0, _SILENCE_SECONDS
        for name, rule in self._rules.items():
            try:
                if await self._is_on(name, rule):
                    queued += await self._follow(name, rule)
                else:
                    self._scanned.pop(name, None)
            except _FOR_NOW:
                self._pause = _PATIENCE_SECONDS
            except QuireError as problem:
                _log.warning("projections.%s: %s", name, problem)
        return queued

    async def _is_on(self, name: str, rule: ProjectionRule) -> bool:
        set_ = await self._store.view(lambda tx: tx.switches.get(SPACE, name))
        return rule.enabled if set_ is None else set_.on

    async def _follow(self, name: str, rule: ProjectionRule) -> int:
        since, queued = await self._began(name), 0
        async for uids in self._changed[name].pages():
            queued += await self._take_all(name, rule, uids, since)
        now = self._clock.now()
        last = self._scanned.get(name, -_SILENCE_SECONDS)
        if not rule.declared or now - last >= _SILENCE_SECONDS:
            queued += await self._scan(name, rule, since)
            self._scanned[name] = now
        return queued

    async def _take_all(
        self, name: str, rule: ProjectionRule, uids: Sequence[str], since: float
    ) -> int:
        """Queue what some runs are to have; return how many jobs.

        Raises
        ------
        QuotaExceeded
            An owner has too many: the others' are queued, and theirs wait.
        """
        queued, exceeded = 0, None
        for run in await self._found(rule, uids):
            try:
                queued += await self._take(name, rule, run, since)
            except QuotaExceeded as problem:
                exceeded = problem
        if exceeded is not None:
            raise exceeded
        return queued

    async def _found(self, rule: ProjectionRule, uids: Sequence[str]) -> list[Run]:
        """Return those of some runs that are over and that a rule finds."""
        ended = await self._store.view(lambda tx: _ended(tx, uids))
        if not rule.runs:
            return ended
        found: list[Run] = []
        for begin in range(0, len(ended), _MOST_UIDS):
            some = tuple(run.uid for run in ended[begin : begin + _MOST_UIDS])
            also = OneOf(field="uid", values=some)
            question = Question(text=rule.runs, also=also)
            page = await self._search.page(question, self._admin, limit=_MOST_UIDS)
            found += page.runs
        return found

    async def _scan(self, name: str, rule: ProjectionRule, since: float) -> int:
        queued = looked = known = 0
        async for run in self._search.runs(Question(text=rule.runs), self._admin):
            looked += 1
            fresh = self._seen[name].get(run.uid) != run.documents
            known = 0 if fresh else known + 1
            queued += await self._take(name, rule, run, since)
            if known >= _LOOKED_AT or (looked >= _LOOKED_AT and not rule.backlog):
                break
        return queued

    async def _take(
        self, name: str, rule: ProjectionRule, run: Run, since: float
    ) -> int:
        """Queue what a run is to have, unless that was done; return how many jobs."""
        # A run that is open still is looked at again.
        if run.exit_status is None or self._seen[name].get(run.uid) == run.documents:
            return 0
        wanted = _wanted(run, rule) if _is_wanted(run, rule, since) else ()
        for projection in wanted:
            await self._queue(name, rule, run, projection)
        self._seen[name][run.uid] = run.documents
        while len(self._seen[name]) > _REMEMBERED:
            self._seen[name].pop(next(iter(self._seen[name])))
        return len(wanted)

    async def _began(self, name: str) -> float:
        """Return when the rule was first seen, kept over restarts."""
        if name not in self._since:
            now = repr(self._clock.now())
            told = await self._store.decide(
                lambda tx: tx.jobs.reserve(SPACE, name, now)
            )
            self._since[name] = float(told)
        return self._since[name]

    async def _queue(
        self, name: str, rule: ProjectionRule, run: Run, projection: str
    ) -> None:
        owner = Principal(name=run.owner, scopes=EVERYTHING)
        given = {
            "RUN": run.uid,
            "PROJECTION": projection,
            "FORMAT": rule.format,
        }
        request = Request(kind=_KIND, parameters=given, run=True, run_id=name[:256])
        # The same state of a run is queued once, also when the server starts again.
        key = f"projections.{name} {run.uid} {run.documents} {msgspec.json.encode(given)!r}"
        try:
            await self._jobs.submit(request, owner, key=key)
        except _FOR_NOW:
            raise  # its turn comes
        except QuireError as problem:
            _log.warning(
                "projections.%s, run %s: %s",
                name,
                run.uid,
                problem,
                extra={"run": run.uid},
            )


def _wanted(run: Run, rule: ProjectionRule) -> Sequence[str]:
    """Return the projections that a run is to have, as the kind's parameter."""
    if not rule.declared:
        return (rule.projection,)
    declared = tuple(read_projections(run.start_document()))
    if len(declared) > _MOST_DECLARED:
        _log.warning(
            "run %s: of its %d projections the first %d are made by themselves",
            run.uid,
            len(declared),
            _MOST_DECLARED,
            extra={"run": run.uid},
        )
    return declared[:_MOST_DECLARED]


def _ended(tx: Transaction, uids: Sequence[str]) -> list[Run]:
    runs = (tx.runs.get(uid) for uid in uids)
    return [run for run in runs if run is not None and run.exit_status is not None]


def _is_wanted(run: Run, rule: ProjectionRule, since: float) -> bool:
    if run.exit_status is None or (run.exit_status != _SUCCESS and not rule.failed):
        return False
    return rule.backlog or run.first_received >= since
