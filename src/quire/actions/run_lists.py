"""Good-run lists: freezing what a query finds, and having it at hand afterwards."""

import asyncio
import re
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from quire.access.principals import Principal, Scope, require
from quire.actions.search import Question, Search
from quire.actions.seeing import may_see
from quire.clock import Clock
from quire.errors import Forbidden, InputError, NotFound
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.runs.run_list import (
    Difference,
    Member,
    RunList,
    data_version,
    difference,
    in_order,
    member,
    state,
)
from quire.runs.settable import check_reason

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
        group: str | None = None,
    ) -> RunList:
        """Return a new version of a list, with the runs that a query finds now.

        Parameters
        ----------
        bad
            Flag values of parts of runs that do not count as good.
        group
            Whose members may add versions, too; None leaves it as it is.

        Raises
        ------
        InputError
            The name is none, the query cannot be understood, or the group is none of
            the principal's.
        Forbidden
            It is somebody else's list.
        """
        require(principal, Scope.RUNS_ANNOTATE)
        if not _NAME.fullmatch(name):
            raise InputError(
                "name", f"{name[:40]!r} is no name", "letters, digits, _ -"
            )
        check_reason(note, "note")
        _check_group(group, principal)
        # Before the runs are gathered, which may take long, and again when it is put.
        await self._store.view(lambda tx: _owned(tx, name, group, principal))
        tree = await self._search.parsed(query, principal) if query.strip() else None
        # What names and dates mean by now is what is searched for and kept.
        question = Question(tree=tree)
        members, states = await self._gathered(question, principal, bad)
        left_out = await self._search.lacking(question, principal)

        def decide(tx: Transaction) -> RunList:
            version, owner, shared = _owned(tx, name, group, principal)
            frozen = RunList(
                name=name,
                version=version,
                query=query,
                author=principal.name,
                at=self._clock.now(),
                members=members,
                data_version=states,
                left_out=left_out,
                note=note,
                tree=tree,
                bad=tuple(sorted(bad)),
                owner=owner,
                group=shared,
            )
            tx.run_lists.put(frozen)
            return frozen

        return await self._mark(await self._store.decide(decide))

    async def _gathered(
        self, question: Question, principal: Principal, bad: frozenset[str]
    ) -> tuple[tuple[Member, ...], str]:
        """Return the members of a list and their data version; runs are let go."""
        members: list[Member] = []
        states: list[tuple[str, int, int]] = []
        async for some in self._search.blocks(question, principal):
            members += await asyncio.to_thread(self._members, some, bad)
            states += map(state, some)
        return tuple(members), await asyncio.to_thread(data_version, states)

    def _members(self, runs: Sequence[Run], bad: frozenset[str]) -> list[Member]:
        places = map(self._search.place, runs)
        return [
            member(run, place.experiment, place.run, bad)
            for run, place in zip(runs, places, strict=True)
        ]

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
            seen = (one for one in frozen.members if _seen(tx, one, principal))
            return replace(frozen, members=in_order(seen))

        return await self._store.view(question)

    async def all(self, _: Principal) -> tuple[tuple[RunList, bool], ...]:
        """Return every version of every list, without members, and if it is all made.

        Its name stands for an older version until then.
        """

        def question(tx: Transaction) -> tuple[tuple[RunList, bool], ...]:
            begun = {one.label for one in tx.run_lists.unfinished()}
            return tuple((one, one.label not in begun) for one in tx.run_lists.heads())

        return await self._store.view(question)

    async def difference(
        self,
        first: tuple[str, int | None],
        second: tuple[str, int | None],
        principal: Principal,
    ) -> Difference:
        """Return in which visible runs two lists differ."""
        ours = await self.get(*first, principal)
        theirs = await self.get(*second, principal)
        return await asyncio.to_thread(difference, ours, theirs)

    async def _mark(self, frozen: RunList) -> RunList:
        while frozen.tagged < len(frozen.members):
            frozen = await self._store.decide(partial(_mark_some, frozen))
        return frozen


def _check_group(group: str | None, principal: Principal) -> None:
    if group and group not in principal.groups and not principal.is_admin:
        mend = "one of yours, or none"
        raise InputError("group", f"you are not in {group[:40]!r}", mend)


def _owned(
    tx: Transaction, name: str, group: str | None, principal: Principal
) -> tuple[int, str, str]:
    """Return the next version of a list, whose list it is and what group's.

    Raises
    ------
    Forbidden
        It is neither the principal's nor a group's of theirs, or they would let
        another group in.
    """
    heads = tx.run_lists.heads(name)
    if not heads:
        return 1, principal.name, group or ""
    owner, shared = heads[0].kept_by, heads[-1].group
    version = heads[-1].version + 1
    if principal.can_see(owner):
        return version, owner, shared if group is None else group
    whose = f"to be {owner}, whose list it is"
    if not shared or shared not in principal.groups:
        among = f", or in its group {shared}" if shared else ""
        mend = "another name makes a list of your own"
        raise Forbidden(principal.name, f"{whose}{among}; {mend}")
    if group not in (None, shared):
        raise Forbidden(principal.name, f"{whose}; group {shared} stays")
    return version, owner, shared


def _seen(tx: Transaction, one: Member, principal: Principal) -> bool:
    if principal.is_admin:  # whom no run has to be read for
        return True
    run = tx.runs.get(one.uid)
    return run is not None and may_see(principal, run)


def _whole(head: RunList, tx: Transaction) -> RunList | None:
    return tx.run_lists.get(head.name, head.version)


def _mark_some(frozen: RunList, tx: Transaction) -> RunList:
    # Another server may go on with the same list, and be further, or at its end.
    known = (one for one in tx.run_lists.unfinished() if one.label == frozen.label)
    head = next(known, None)
    if head is None:
        return replace(frozen, tagged=len(frozen.members))
    begin = max(frozen.tagged, head.tagged)
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
