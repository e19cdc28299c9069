"""Searching runs: text, a tree or nothing, in pages that stay stable as runs arrive."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.access.visibility import keys_of
from quire.actions.saved_queries import names_of
from quire.clock import Clock
from quire.errors import InputError
from quire.ports.run_finder import (
    Count,
    RunOrder,
    RunPlace,
    SearchTooSlow,
    Selection,
    ValueCount,
)
from quire.ports.store import Store, Transaction
from quire.runs.exporting import row
from quire.runs.query.fields import Field
from quire.runs.query.json_form import to_json
from quire.runs.query.parser import QueryParser
from quire.runs.query.reading import unquoted
from quire.runs.query.search_box import boxed
from quire.runs.query.tree import And, Not, Tree
from quire.runs.run import Run, Status
from quire.runs.searchable import FACETS, Describe

_MOST_COUNTED = 10_000
_FACET_VALUES = 50
_BLOCK = 1_000
_encode = msgspec.msgpack.Encoder().encode


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched for.

    Attributes
    ----------
    text
        In the query language; empty for all runs.
    box
        Whether the text was typed into a search box, which reads shorter things too.
    tree
        The same as JSON has it; joined with `text` by ``and``.
    also
        A checked tree, as faces make of their own parameters.
    """

    text: str = ""
    box: bool = False
    tree: Any = None
    also: Tree | None = None


class Cursor(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a page ended, good for the same question and order alone.

    Attributes
    ----------
    bound
        Hash of what the question meant, the names in it included.
    now
        When the first page was asked for: ``now`` is the same on all of them.
    """

    place: RunPlace
    bound: str
    now: float


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, and where the next begins; None at the end."""

    runs: tuple[Run, ...]
    following: Cursor | None


class Search:
    """Searches runs for a principal.

    Parameters
    ----------
    describe
        What a run is searched by, the same as the store's.
    """

    def __init__(
        self, store: Store, parser: QueryParser, describe: Describe, clock: Clock
    ) -> None:
        self._store = store
        self._parser = parser
        self._describe = describe
        self._clock = clock

    async def page(
        self,
        question: Question,
        principal: Principal,
        *,
        order: RunOrder = RunOrder.NEWEST,
        behind: Cursor | None = None,
        limit: int = 50,
    ) -> Page:
        """Return matching runs.

        Raises
        ------
        InputError
            The question cannot be understood, or the cursor is of another.
        SearchTooSlow
            It would take too long.
        """
        now = self._clock.now() if behind is None else behind.now
        selection = await self._selection(question, principal, now)
        bound = _bound(selection.where, order)
        if behind is not None and behind.bound != bound:
            reason = "belongs to another query or order, or a name in it was changed"
            raise InputError("cursor", reason, "begin anew without it")
        place = None if behind is None else behind.place
        runs, last = await self._page(selection, order, place, limit)
        following = None if last is None else Cursor(place=last, bound=bound, now=now)
        return Page(runs=runs, following=following)

    async def runs(
        self, question: Question, principal: Principal
    ) -> AsyncIterator[Run]:
        """Yield all matching runs, newest first."""
        async for some in self.blocks(question, principal):
            for run in some:
                yield run

    async def blocks(
        self, question: Question, principal: Principal
    ) -> AsyncIterator[tuple[Run, ...]]:
        """Yield all matching runs in blocks, newest first."""
        selection = await self._selection(question, principal)
        async for some in self._all(selection, RunOrder.NEWEST):
            yield some

    async def count(
        self, question: Question, principal: Principal, *, lacking: bool = True
    ) -> Count:
        """Count matching runs, and those left out for lack of a value if wanted."""
        selection = await self._selection(question, principal)
        return await self._store.view(
            lambda tx: tx.finder.count(selection, _MOST_COUNTED, lacking=lacking)
        )

    async def lacking(self, question: Question, principal: Principal) -> int | None:
        """Count the runs that are left out for lack of a value, however many.

        None where that would take too long.
        """
        count = await self.count(question, principal)
        if count.exact:
            return count.lacking
        selection = await self._selection(question, principal)
        where = selection.where
        if where is None:
            return 0

        def asked(tx: Transaction) -> int:
            def runs(where: Tree | None) -> int:
                some = Selection(where=where, visible=selection.visible)
                found = tx.finder.distinct(some, "status", len(Status))
                return sum(one.runs for one in found)

            return runs(None) - runs(where) - runs(Not(part=where))

        try:
            return await self._store.view(asked)
        except SearchTooSlow:
            return None

    async def total(self, question: Question, principal: Principal) -> int:
        """Count all matching runs, however many.

        Raises
        ------
        SearchTooSlow
            It would take too long.
        """
        # A run has exactly one status, and of all runs there are kept counters.
        found = await self.distinct(question, "status", principal, limit=len(Status))
        return sum(one.runs for one in found)

    async def parsed(self, text: str, principal: Principal) -> dict[str, Any]:
        """Return a query's text in its JSON form, named queries written out.

        Raises
        ------
        QueryError
            It cannot be understood.
        """
        selection = await self._selection(Question(text=text), principal)
        if selection.where is None:
            raise InputError("q", "is empty", "such as plan_name = scan")
        return to_json(selection.where)

    async def distinct(
        self, question: Question, field: str, principal: Principal, *, limit: int
    ) -> tuple[ValueCount, ...]:
        """Return the values of a field among matching runs."""
        selection = await self._selection(question, principal)
        path = self._parser.fields.field(unquoted(field), "field").path
        return await self._store.view(
            lambda tx: tx.finder.distinct(selection, path, limit)
        )

    async def facets(
        self, principal: Principal
    ) -> Mapping[str, tuple[ValueCount, ...]]:
        """Return how many visible runs have each value of the counted fields."""
        keys = keys_of(principal)
        return await self._store.view(
            lambda tx: tx.finder.facets(FACETS, keys, _FACET_VALUES)
        )

    async def explain(
        self, question: Question, principal: Principal, order: RunOrder
    ) -> tuple[str, ...]:
        """Return how a question would be answered."""
        selection = await self._selection(question, principal)
        return await self._store.view(lambda tx: tx.finder.explain(selection, order))

    async def export(
        self,
        question: Question,
        names: Sequence[str],
        principal: Principal,
        *,
        order: RunOrder,
    ) -> AsyncIterator[list[list[Any]]]:
        """Return all matching runs as rows of fields, in blocks, without an end.

        Raises
        ------
        InputError
            Before the first block: a field is unknown, or the question is.
        """
        paths = [field.path for field in self.named(names)]
        selection = await self._selection(question, principal)
        return self._blocks(selection, paths, order)

    def named(self, names: Iterable[str]) -> list[Field]:
        """Return the fields that the names of an export mean.

        Raises
        ------
        InputError
            One means none.
        """
        fields = self._parser.fields
        return [fields.field(unquoted(name), "fields") for name in names]

    async def _blocks(
        self, selection: Selection, paths: Sequence[str], order: RunOrder
    ) -> AsyncIterator[list[list[Any]]]:
        async for some in self._all(selection, order):
            if some:
                # A block is described in some ten milliseconds: nobody waits for that.
                yield await asyncio.to_thread(self._rows, some, paths)

    def _rows(self, runs: Sequence[Run], paths: Sequence[str]) -> list[list[Any]]:
        return [row(self._describe(run).leaves, paths) for run in runs]

    async def _all(
        self, selection: Selection, order: RunOrder
    ) -> AsyncIterator[tuple[Run, ...]]:
        """Yield all selected runs in blocks: what a name stands for stays the same."""
        place: RunPlace | None = None
        while True:
            some, place = await self._page(selection, order, place, _BLOCK)
            yield some
            if place is None:
                return

    async def _page(
        self, selection: Selection, order: RunOrder, behind: RunPlace | None, limit: int
    ) -> tuple[tuple[Run, ...], RunPlace | None]:
        """Return a page of runs, and its last place if others follow."""
        runs = await self._store.view(
            lambda tx: tx.finder.page(selection, order, behind, limit + 1)
        )
        shown = runs[:limit]
        return shown, self.place(shown[-1]) if len(runs) > limit else None

    @property
    def fields(self) -> Iterable[Field]:
        """The declared fields."""
        return self._parser.fields

    def place(self, run: Run) -> RunPlace:
        """Return where a run stands in every order."""
        found = self._describe(run)
        return RunPlace(
            uid=run.uid, time=run.time, experiment=found.experiment, run=found.run
        )

    async def _selection(
        self, question: Question, principal: Principal, now: float | None = None
    ) -> Selection:
        at = self._clock.now() if now is None else now
        if "@" not in question.text and question.tree is None:
            return _selected(question, principal, self._parser, at)

        def named(tx: Transaction) -> Selection:
            parser = self._parser.resolving(names_of(tx, principal.name))
            return _selected(question, principal, parser, at)

        return await self._store.view(named)


def _selected(
    question: Question, principal: Principal, parser: QueryParser, now: float
) -> Selection:
    parts: list[Tree] = []
    if question.text.strip():
        read = partial(boxed, parser=parser) if question.box else parser.parse
        parts.append(read(question.text, now=now))
    if question.tree is not None:
        parts.append(parser.from_json(question.tree, now=now, at="/tree"))
    if question.also is not None:
        parts.append(question.also)
    where = parts[0] if len(parts) == 1 else And(parts=tuple(parts))
    return Selection(where=where if parts else None, visible=keys_of(principal))


def _bound(where: Tree | None, order: RunOrder) -> str:
    told = _encode((where, order.value))
    return hashlib.blake2b(told, digest_size=6).hexdigest()
