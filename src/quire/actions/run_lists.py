"""Good-run lists: freezing what a query finds, and having it at hand afterwards."""

import re
from functools import partial

from msgspec.structs import replace

from quire.access.principals import Principal, Scope, require
from quire.actions.search import Question, Search
from quire.actions.seeing import may_see
from quire.clock import Clock
from quire.errors import InputError, NotFound
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.runs.run_list import (
    Difference,
    RunList,
    data_version,
    difference,
    in_order,
    member,
)

_NAME = re.compile(r"[^\W\d][\w-]{0,99}")
_AT_ONCE = 200


class RunLists:
    """Makes and returns frozen lists."""

    def __init__(self, store: Store, search: Search, clock: Clock) -> None:
        self._store = store
        self._search = search
        self._clock = clock

    async def freeze(
        self,
        name: str,
        query: str,
        principal: Principal,
        *,
        bad: frozenset[str],
        note: str = "",
    ) -> RunList:
        """Return a new version of a list, with the runs that a query finds now.

        Parameters
        ----------
        bad
            Flag values of parts of runs that do not count as good.

        Raises
        ------
        InputError
            The name is none, or the query cannot be understood.
        """
        require(principal, Scope.RUNS_ANNOTATE)
        if not _NAME.fullmatch(name):
            raise InputError(
                "name", f"{name[:40]!r} is no name", "letters, digits, _ -"
            )
        question = Question(text=query)
        runs = [run async for run in self._search.runs(question, principal)]
        count = await self._search.count(question, principal)
        places = [self._search.place(run) for run in runs]
        members = tuple(
            member(run, place.experiment, place.run, bad)
            for run, place in zip(runs, places, strict=True)
        )

        def decide(tx: Transaction) -> RunList:
            former = tx.run_lists.get(name, None)
            frozen = RunList(
                name=name,
                version=1 if former is None else former.version + 1,
                query=query,
                author=principal.name,
                at=self._clock.now(),
                members=members,
                data_version=data_version(runs),
                left_out=count.lacking if count.exact else None,
                note=note,
            )
            tx.run_lists.put(frozen)
            return frozen

        return await self._mark(await self._store.decide(decide))

    async def resume(self) -> None:
        """Go on marking the members of lists whose making was cut short."""
        for head in await self._store.view(lambda tx: tx.run_lists.unfinished()):
            frozen = await self._store.view(partial(_whole, head))
            if frozen is not None:
                await self._mark(frozen)

    async def get(
        self, name: str, version: int | None, principal: Principal
    ) -> RunList:
        """Return a version of a list, its members that the principal may see by number.

        Raises
        ------
        NotFound
            There is no such list.
        """

        def question(tx: Transaction) -> RunList:
            frozen = tx.run_lists.get(name, version)
            if frozen is None:
                label = name if version is None else f"{name}@{version}"
                raise NotFound("run list", label)
            seen = tuple(
                one
                for one in frozen.members
                if (run := tx.runs.get(one.uid)) is not None and may_see(principal, run)
            )
            return replace(frozen, members=in_order(seen))

        return await self._store.view(question)

    async def all(self, _: Principal) -> tuple[RunList, ...]:
        """Return every version of every list, without members."""
        return await self._store.view(lambda tx: tx.run_lists.all())

    async def difference(
        self,
        first: tuple[str, int | None],
        second: tuple[str, int | None],
        principal: Principal,
    ) -> Difference:
        """Return in which visible runs two lists differ."""
        return difference(
            await self.get(*first, principal), await self.get(*second, principal)
        )

    async def _mark(self, frozen: RunList) -> RunList:
        while frozen.tagged < len(frozen.members):
            frozen = await self._store.decide(partial(_mark_some, frozen))
        return frozen


def _whole(head: RunList, tx: Transaction) -> RunList | None:
    return tx.run_lists.get(head.name, head.version)


def _mark_some(frozen: RunList, tx: Transaction) -> RunList:
    begin = frozen.tagged
    some = frozen.members[begin : begin + _AT_ONCE]
    for one in some:
        run = tx.runs.get(one.uid)
        if run is not None:
            tx.runs.put(_marked(run, frozen.label))
    further = replace(frozen, tagged=begin + len(some))
    tx.run_lists.advance(further)
    return further


def _marked(run: Run, label: str) -> Run:
    lists = tuple(sorted({*run.annotations.lists, label}))
    return replace(run, annotations=replace(run.annotations, lists=lists))
