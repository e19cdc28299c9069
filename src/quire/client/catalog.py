"""The catalog of runs, as a notebook wants it."""

import operator
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from numbers import Integral
from typing import Any, SupportsIndex

from quire.client.connection import Connection
from quire.client.errors import RefusedLookup
from quire.client.orders import order_of
from quire.client.queries import Form, all_of, any_of, form_of
from quire.client.run import PATH, Run, run_at
from quire.client.sequences import Items, Keys, Values

PAGE = 1000
_MOST_VALUES = 1000
_SHORTEST_PREFIX = 5
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")  # zeros before it are those of a uid
_SIGNS = frozenset("*?")
_NO_NAMES = ("", ".", "..")  # of other places, in a path


class Catalog:
    """All runs that the principal may see, or those that a search finds; newest first.

    ``cat[uid]``, a unique beginning of a uid of five or more characters, a scan number
    (of several runs with one number the latest start wins), ``cat[-1]`` for the newest
    run, ``cat[-5:]`` for the last five in the order of their start, or a list of any of
    these. All of it holds within a search, too.

    Searches join by ``and`` when chained, by ``or`` with `|`; `~` is all other runs
    but those that lack a value that the search is about.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        text: tuple[str, ...] = (),
        where: Form | None = None,
        order: str = "newest",
    ) -> None:
        self._connection = connection
        self._text = text
        self._where = where
        self._order = order

    def search(self, *queries: Any) -> "Catalog":
        """Return the catalog of the runs that satisfy all queries.

        Parameters
        ----------
        queries
            Text in the query language, such as ``"plan_name = 'scan'"``; dictionaries,
            or query objects of tiled and bluesky-tiled-plugins.

        Raises
        ------
        ValueError
            A query is empty.
        Refused
            When runs are asked for: the query cannot be understood; names the column.
        """
        texts, forms = list(self._text), [self._where] if self._where else []
        for query in queries:
            form = form_of(query)
            if form is None:
                texts.append(query)
            else:
                forms.append(form)
        where = all_of(forms) if forms else None
        return self._with(text=tuple(texts), where=where)

    def __or__(self, other: "Catalog") -> "Catalog":
        if not isinstance(other, Catalog):
            return NotImplemented
        if other._connection.url != self._connection.url:
            raise ValueError("these catalogs are of two servers")
        ours, theirs = self._form(), other._form()
        where = any_of([ours, theirs]) if ours and theirs else None
        return self._with(text=(), where=where)

    def __invert__(self) -> "Catalog":
        form = self._form()
        # Of all runs there are no others.
        other: Form = {"not": form} if form else {"field": "uid", "op": "missing"}
        return self._with(text=(), where=other)

    def sort(self, *by: tuple[str, int]) -> "Catalog":
        """Return the same in another order.

        Parameters
        ----------
        by
            Pairs of a field and 1 or -1: ``("time", -1)``, or ``("experiment", 1),
            ("run", 1)``. All orders end with the uid.

        Raises
        ------
        ValueError
            There is no such order.
        """
        return self._with(order=order_of(by or (("time", -1),)))

    def distinct(self, *fields: str, counts: bool = False) -> dict[str, Any]:
        """Return the values of fields, as tiled does.

        Returns
        -------
        ``{"metadata": {field: [{"value": ..., "count": ...}]}}``, the most frequent
        value first; `count` is None unless asked for.

        Raises
        ------
        ValueError
            A field has too many of them.
        """
        found = {}
        for field in fields:
            body = {"field": field, "limit": _MOST_VALUES, **self._question()}
            values = self._connection.post(f"{PATH}/distinct", body)["values"]
            if len(values) >= _MOST_VALUES:
                words = f"{field} has {_MOST_VALUES} values or more; narrow the search"
                raise ValueError(words)
            found[field] = [
                {"value": one["value"], "count": one["runs"] if counts else None}
                for one in values
            ]
        return {"metadata": found}

    def __len__(self) -> int:
        answer = self._connection.post(f"{PATH}/count", self._question())
        return int(answer["runs"])

    def __bool__(self) -> bool:
        # Not by `len`: one run is enough to know.
        return any(True for _ in islice(self.runs(1), 1))

    def __iter__(self) -> Iterator[Run]:
        return self.runs()

    def __contains__(self, which: object) -> bool:
        if isinstance(which, Run):
            which = which.uid
        if not isinstance(which, str | Integral):
            return False
        try:
            self[which]
        except KeyError:
            return False
        return True

    def __getitem__(self, which: Any) -> Any:
        """Return one run, or a list of them.

        Raises
        ------
        KeyError
            There is none.
        ValueError
            The beginning of a uid fits several or is too short; or a slice that begins
            at the oldest run, for which `values` is there.
        """
        if isinstance(which, slice):
            return self._slice(which)
        if isinstance(which, Integral):  # NumPy's, too
            return self._one(operator.index(which))
        if isinstance(which, str):
            return self._one(which)
        if isinstance(which, Iterable) and not isinstance(which, bytes):
            return [self[each] for each in which]
        raise TypeError(f"text or a number names a run, not {type(which).__name__}")

    @property
    def scan_id(self) -> "ByScanId":
        """Runs by scan number, negative ones too."""
        return ByScanId(self)

    @property
    def uid(self) -> "ByUid":
        """Runs by uid or the beginning of one."""
        return ByUid(self)

    def keys(self) -> Keys:
        """Return the uids, to be sliced."""
        return Keys(self)

    def values(self) -> Values:
        """Return the runs, to be sliced."""
        return Values(self)

    def items(self) -> Items:
        """Return pairs of uid and run, to be sliced."""
        return Items(self)

    def recent(self, count: int = 10) -> list[Run]:
        """Return the newest runs, newest first."""
        return list(self._with(order="newest").runs(count))

    def by_uid(self, uid: str) -> Run:
        """Return a run by its uid or the beginning of one."""
        if uid in _NO_NAMES:
            raise KeyError(uid)
        if not self._searched:
            return run_at(self._connection, uid, by="uid")
        for sign, value in (("=", uid), ("~", f"{uid}*")):
            found = self._first({"field": "uid", "op": sign, "value": value}, 2)
            if len(found) > 1:
                raise ValueError(f"{uid!r} begins several uids; give more of it")
            if found:
                return found[0]
            if len(uid) < _SHORTEST_PREFIX:
                raise ValueError(f"{uid!r} is too short for the beginning of a uid")
            if _SIGNS.intersection(uid):
                break  # it would be taken for a pattern
        raise KeyError(uid)

    def by_scan_id(self, number: int) -> Run:
        """Return the run with a scan number, the latest of several."""
        if not self._searched:
            return run_at(self._connection, str(number), by="scan_id")
        found = self._first({"field": "scan_id", "op": "=", "value": number}, 1)
        if not found:
            raise KeyError(number)
        return found[0]

    def runs(self, most: SupportsIndex | None = None) -> Iterator[Run]:
        """Yield runs with start and stop documents, a thousand a request."""
        cursor: str | None = None
        left = None if most is None else operator.index(most)
        while left is None or left > 0:
            limit = PAGE if left is None else min(PAGE, left)
            asked = {"limit": limit, "order": self._order, "full": True, "exact": True}
            if cursor:
                asked["cursor"] = cursor
            body = {**asked, **self._question()}
            page = self._connection.post(f"{PATH}/search", body)
            for record in page["runs"]:
                yield Run(self._connection, record)
            cursor = page["next"]
            left = None if left is None else left - len(page["runs"])
            if not cursor:
                return

    def _first(self, form: Form, count: int) -> list[Run]:
        where = all_of([self._where, form]) if self._where else form
        return list(self._with(where=where, order="newest").runs(count))

    def _one(self, which: str | int) -> Run:
        if which in _NO_NAMES:
            raise KeyError(which)
        if isinstance(which, int):
            return self._from_the_end(-which) if which < 0 else self.by_scan_id(which)
        if not self._searched:
            return run_at(self._connection, which)
        if not _NUMBER.fullmatch(which):
            return self.by_uid(which)
        exact = self._first({"field": "uid", "op": "=", "value": which}, 1)
        if exact:
            return exact[0]
        try:
            return self.by_scan_id(int(which))
        except KeyError:
            if len(which) < _SHORTEST_PREFIX:
                raise
            return self.by_uid(which)

    def _from_the_end(self, back: int) -> Run:
        found = list(self._with(order="newest").runs(back))
        if len(found) < back:
            raise RefusedLookup(404, {"detail": f"there are only {len(found)} runs"})
        return found[-1]

    def _slice(self, which: slice) -> list[Run]:
        start = which.start
        if start is None or start >= 0 or (which.stop is not None and which.stop >= 0):
            raise ValueError(
                "slices count from the newest run, such as [-5:]; others are of"
                " .values(), .keys() and .items()"
            )
        most: int | None = max(-start, -(which.stop or 0))
        if which.stop is None and (which.step or 1) < 0:
            most = None  # back to the oldest
        newest = list(self._with(order="newest").runs(most))
        newest.reverse()
        return newest[which]

    def _with(self, **changed: Any) -> "Catalog":
        kept = {"text": self._text, "where": self._where, "order": self._order}
        return Catalog(self._connection, **{**kept, **changed})

    @property
    def _searched(self) -> bool:
        return bool(self._text or self._where)

    def _question(self) -> dict[str, Any]:
        # One by itself as it is: errors name its columns.
        alone = len(self._text) == 1
        text = self._text[0] if alone else " and ".join(f"({q})" for q in self._text)
        asked: dict[str, Any] = {"q": text} if text else {}
        if self._where is not None:
            asked["tree"] = self._where
        return asked

    def _form(self) -> Form | None:
        """Return all that is searched for in JSON form; the server reads the text."""
        forms = [self._where] if self._where else []
        for text in self._text:
            answer = self._connection.post(f"{PATH}/parse", {"q": text})
            forms.append(answer["tree"])
        return all_of(forms) if forms else None

    def __repr__(self) -> str:
        parts = [*self._text, *([str(self._where)] if self._where else [])]
        return f"<Catalog {' '.join([self._connection.url, ' and '.join(parts)])}>"


class ByScanId:
    """``cat.scan_id[1234]``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __getitem__(self, number: int) -> Run:
        found: Run = self._catalog[number]
        return found


class ByUid:
    """``cat.uid["9acjef"]``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __getitem__(self, uid: str) -> Run:
        return self._catalog.by_uid(uid)


def connect(url: str | None = None, token: str | None = None) -> Catalog:
    """Return the catalog of a server, by default of the local one.

    Raises
    ------
    NoServer, SeveralServers
        There is none, or more than one.
    """
    return Catalog(Connection(url, token))
