"""Products by themselves: rules say which runs are projected when they close.

A rule stands in ``quire.toml`` as a table ``[projections.NAME]``. Each closed run that
it finds gets one job, and another one when late documents have changed the run: what
was made before stays, under its own identity.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.search import Question, Search
from quire.actions.submit import Jobs, Request
from quire.actions.tokens import EVERYTHING
from quire.clock import Clock
from quire.errors import InputError, QuireError
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.runs.run import Run

_log = logging.getLogger(__name__)
_KIND = "project"
SPACE = "projection rule"
_SILENCE_SECONDS = 60.0
_GATHER_SECONDS = 0.5
# Runs that are looked through again and again, the newest ones, for late documents.
_LOOKED_AT = 200
_SUCCESS = "success"


class ProjectionRule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A table ``[projections.NAME]``.

    Attributes
    ----------
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
    for name, table in tables.items():
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
        self._since: dict[str, float] = {}
        self._admin = Principal(name="", scopes=EVERYTHING)

    async def begin(self) -> None:
        """Note since when each rule is there: before the first run can come."""
        for name in self._rules:
            await self._began(name)

    async def run(self) -> None:
        """Follow the runs for ever; ends by cancellation."""
        while self._rules:
            ticket = self._doorbell.ticket("runs")
            await self.look()
            await self._doorbell.wait("runs", ticket, _SILENCE_SECONDS)
            await asyncio.sleep(_GATHER_SECONDS)

    async def look(self) -> int:
        """Queue what is not queued yet; return how many jobs."""
        queued = 0
        for name, rule in self._rules.items():
            try:
                if await self._is_on(name, rule):
                    queued += await self._follow(name, rule)
            except QuireError as problem:
                _log.warning("projections.%s: %s", name, problem)
        return queued

    async def _is_on(self, name: str, rule: ProjectionRule) -> bool:
        set_ = await self._store.view(lambda tx: tx.switches.get(SPACE, name))
        return rule.enabled if set_ is None else set_.on

    async def _follow(self, name: str, rule: ProjectionRule) -> int:
        since = await self._began(name)
        queued = looked = known = 0
        question = Question(text=rule.runs)
        async for run in self._search.runs(question, self._admin):
            looked += 1
            fresh = self._seen[name].get(run.uid) != run.documents
            known = 0 if fresh else known + 1
            if fresh and _is_wanted(run, rule, since):
                await self._queue(name, rule, run)
                queued += 1
            # A run that is open still is looked at again.
            if run.exit_status is not None:
                self._seen[name][run.uid] = run.documents
            if known >= _LOOKED_AT or (looked >= _LOOKED_AT and not rule.backlog):
                break
        return queued

    async def _began(self, name: str) -> float:
        """Return when the rule was first seen, kept over restarts."""
        if name not in self._since:
            now = repr(self._clock.now())
            told = await self._store.decide(
                lambda tx: tx.jobs.reserve(SPACE, name, now)
            )
            self._since[name] = float(told)
        return self._since[name]

    async def _queue(self, name: str, rule: ProjectionRule, run: Run) -> None:
        owner = Principal(name=run.owner, scopes=EVERYTHING)
        given = {
            "RUN": run.uid,
            "PROJECTION": rule.projection,
            "FORMAT": rule.format,
        }
        request = Request(kind=_KIND, parameters=given, run=True, run_id=name[:256])
        # The same state of a run is queued once, also when the server starts again.
        key = f"projections.{name} {run.uid} {run.documents} {msgspec.json.encode(given)!r}"
        try:
            await self._jobs.submit(request, owner, key=key)
        except QuireError as problem:
            _log.warning(
                "projections.%s, run %s: %s",
                name,
                run.uid,
                problem,
                extra={"run": run.uid},
            )


def _is_wanted(run: Run, rule: ProjectionRule, since: float) -> bool:
    if run.exit_status is None or (run.exit_status != _SUCCESS and not rule.failed):
        return False
    return rule.backlog or run.first_received >= since
