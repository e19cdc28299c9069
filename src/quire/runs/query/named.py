"""Named queries: what ``@good`` stands for, as a part of the tree and never as text."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from quire.runs.query.check import Check
from quire.runs.query.errors import QueryError, QueryTooLarge, UnknownName
from quire.runs.query.limits import DEEPEST, DEEPEST_NAME, MOST_NAMED, too_deep
from quire.runs.query.nearness import nearest
from quire.runs.query.syntax import Named, Spoken
from quire.runs.query.tree import And, Node, Not, OneOf, Or, Text, Tree

Written = str | dict[str, Any] | Tree
"""A query as text, in its JSON form, or checked already."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stands for.

    Attributes
    ----------
    query
        Read anew at each use, so that ``now`` is the moment of the use.
    key
        Tells it from others of the same name; empty if there are none.
    names
        Looks up the names within it; None for the names of whoever uses it.
    """

    query: Written
    key: str = ""
    names: "Resolver | None" = None


Resolver = Callable[[str], Meaning | None]
"""Returns what a name stands for, None if nobody gave it."""

Names = Mapping[str, Written] | Resolver
"""What names stand for; of a mapping the nearest name is suggested too."""


class Expansion:
    """Puts named queries into one query.

    Parameters
    ----------
    read
        Returns what a query says, unchecked.
    """

    def __init__(self, names: Names, read: Callable[[Any], Spoken]) -> None:
        self._known = tuple(names) if isinstance(names, Mapping) else ()
        self._scopes = [_resolver(names)]
        self._read = read
        self._within: list[str] = []
        self._spoken: dict[str, Spoken] = {}
        self._size = 0

    def __call__(self, named: Named, check: Check, depth: int) -> Tree:
        """Return the checked tree of a named query.

        Raises
        ------
        UnknownName
            If nobody saved it, or it contains itself.
        QueryTooLarge
            If it is nested too deeply, or too much in all.
        QueryError
            If it cannot be asked (any more); told of the name.
        """
        meaning = self._scopes[-1](named.name)
        if meaning is None:
            raise self._unknown(named)
        key = meaning.key or named.name
        if key in self._within:
            reason = f"@{named.name} contains itself"
            raise UnknownName(named.at, reason, "name another query in it")
        if len(self._within) >= DEEPEST_NAME:
            reason = f"named queries stand more than {DEEPEST_NAME} deep in each other"
            raise QueryTooLarge(named.at, reason, "write one of them out")
        self._within.append(key)
        self._scopes.append(meaning.names or self._scopes[-1])
        try:
            return self._tree(key, meaning.query, named, check, depth)
        except QueryError as error:
            raise error.inside(named.name, named.at) from None
        finally:
            self._within.pop()
            self._scopes.pop()

    def _tree(
        self, key: str, query: Written, named: Named, check: Check, depth: int
    ) -> Tree:
        if isinstance(query, Node):
            _count(query, named, check, depth)
            return query
        if key not in self._spoken:
            self._size += _size(query)
            if self._size > MOST_NAMED:
                reason = f"its named queries have more than {MOST_NAMED:,} characters"
                raise QueryTooLarge(named.at, reason, "shorten them")
            self._spoken[key] = self._read(query)
        return check.tree(self._spoken[key], depth)

    def _unknown(self, named: Named) -> UnknownName:
        meant = nearest(named.name, self._known)
        reason = f"nobody saved a query @{named.name[:80]}"
        if meant is None:
            return UnknownName(named.at, reason, "save it, or write it out")
        return UnknownName(
            named.at, f"{reason}, did you mean @{meant}?", f"write @{meant}"
        )


def _resolver(names: Names) -> Resolver:
    if not isinstance(names, Mapping):
        return names
    known = names

    def look(name: str) -> Meaning | None:
        query = known.get(name)
        return None if query is None else Meaning(query=query)

    return look


def _size(query: str | dict[str, Any]) -> int:
    return len(query if isinstance(query, str) else msgspec.json.encode(query))


def _count(tree: Tree, named: Named, check: Check, depth: int) -> None:
    """Hold a checked tree to the limits of the query that it becomes a part of."""
    if depth > DEEPEST:
        raise too_deep(named.at)
    match tree:
        case And() | Or():
            for part in tree.parts:
                _count(part, named, check, depth + 1)
        case Not():
            _count(tree.part, named, check, depth + 1)
        case OneOf():
            check.count(named.at, len(tree.values))
        case Text():
            check.count(named.at, len(tree.words))
        case _:
            check.count(named.at, 1)
