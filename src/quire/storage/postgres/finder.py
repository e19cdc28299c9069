"""Searches in PostgreSQL."""

import msgspec

from quire.access.visibility import Keys
from quire.ports.run_finder import (
    Count,
    RunOrder,
    RunPlace,
    SearchTooSlow,
    Selection,
    ValueCount,
)
from quire.runs.leaves import Scalar
from quire.runs.run import Run
from quire.runs.searchable import FACETS, GROWING, Describe
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.access_lists import AccessLists
from quire.storage.postgres.asking import ask, limited
from quire.storage.postgres.facets import Facets
from quire.storage.postgres.run_looks import CODEC
from quire.storage.postgres.run_pages import explained, page
from quire.storage.postgres.search_plans import Plan, plan, unknown
from quire.storage.postgres.session import Session

_PAGE_SECONDS = 10.0
_COUNT_SECONDS = 0.3
_INTEGERS = range(-(2**63), 2**63)


class PostgresRunFinder:
    """`quire.ports.run_finder.RunFinder` in one session."""

    def __init__(self, session: Session, describe: Describe) -> None:
        del describe  # what runs are searched by lies beside them
        self._session = session
        self._access = AccessLists(session)
        self._facets = Facets(session)

    def page(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> tuple[Run, ...]:
        """Return matching runs in the order asked for, from behind a place on."""
        with limited(self._session, _PAGE_SECONDS):
            chosen = self._plan(selection)
            if chosen is None:
                return ()
            records = page(self._session, chosen, order, behind, limit)
        return tuple(map(CODEC.decode, records))

    def count(self, selection: Selection, most: int, *, lacking: bool = True) -> Count:
        """Count matching runs, up to so many."""
        chosen = self._plan(selection)
        if chosen is None:
            return Count(matched=0, lacking=0, exact=True)
        matched, exact = self._tally(chosen, most)
        if selection.where is None or not lacking:
            return Count(matched=matched, lacking=0, exact=exact)
        lists = self._access.admitting(selection.visible)
        left_out, all_told = self._tally(unknown(selection, lists), most)
        return Count(matched=matched, lacking=left_out, exact=exact and all_told)

    def distinct(
        self, selection: Selection, path: str, limit: int
    ) -> tuple[ValueCount, ...]:
        """Return the values of a field among matching runs, most frequent first."""
        if selection.where is None and path in FACETS:
            return self.facets((path,), selection.visible, limit)[path]
        if "\0" in path:  # no view has it, and no text of PostgreSQL's can hold it
            return ()
        with limited(self._session, _PAGE_SECONDS):
            chosen = self._plan(selection)
            if chosen is None:
                return ()
            bound = chosen.bindings
            grown = path in GROWING
            held = (
                f"to_jsonb({sql.EVENTS})"
                if grown
                else f"v.view -> {bound.add(path, 'text')}"
            )
            text = sql.values_of(chosen.all, held, bound.add(limit, "bigint"))
            rows = ask(self._session, text, bound.values)
        return tuple(
            ValueCount(value=_as_said(msgspec.json.decode(value)), runs=runs)
            for value, runs in rows
        )

    def facets(
        self, fields: tuple[str, ...], visible: Keys, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return, from kept counters, how many runs have each value of fields."""
        lists = self._access.admitting(visible)
        return self._facets.values(fields, lists, limit)

    def explain(self, selection: Selection, order: RunOrder) -> tuple[str, ...]:
        """Return, line by line, how the selection would be found."""
        chosen = self._plan(selection)
        lines = [f"order: {order.value}"]
        if chosen is None:
            return (*lines, "nothing: no access list lets the asker in")
        return (*lines, *explained(self._session, chosen, order))

    def _plan(self, selection: Selection) -> Plan | None:
        lists = self._access.admitting(selection.visible)
        return None if lists == () else plan(self._session, selection, lists)

    def _tally(self, chosen: Plan, most: int) -> tuple[int, bool]:
        text = sql.counted(chosen.all, chosen.bindings.add(most + 1, "bigint"))
        try:
            with limited(self._session, _COUNT_SECONDS, alone=True):
                ((found,),) = ask(self._session, text, chosen.bindings.values)
        except SearchTooSlow:
            return 0, False
        return min(found, most), found <= most


def _as_said(value: Scalar) -> Scalar:
    """Return a value as documents have it: what needs more than 64 bits was a float."""
    return float(value) if type(value) is int and value not in _INTEGERS else value
