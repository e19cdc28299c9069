"""Saving queries under names, and what the names stand for."""

from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.clock import Clock
from quire.errors import Conflict, Forbidden, NotFound
from quire.ports.store import Store, Transaction
from quire.runs.query.errors import QueryError
from quire.runs.query.named import Meaning, Resolver
from quire.runs.query.parser import QueryParser
from quire.runs.query.tree import Compare, Operator
from quire.runs.saved_query import SavedQuery, Visibility, check_name

_WHAT = "saved query"
_PLACE = "/query"


class QueryDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be saved; see `SavedQuery`."""

    query: str | dict[str, Any]
    visibility: Visibility = Visibility.PRIVATE
    description: str = ""


class SavedQueries:
    """Keeps people's queries.

    Parameters
    ----------
    parser
        Refuses what could not be searched for.
    """

    def __init__(self, store: Store, parser: QueryParser, clock: Clock) -> None:
        self._store = store
        self._parser = parser
        self._clock = clock

    async def save(
        self, name: str, draft: QueryDraft, principal: Principal
    ) -> SavedQuery:
        """Save a query under a name of the principal's.

        Raises
        ------
        InputError
            The name is none, or the query cannot be asked.
        Conflict
            It is to be shared, and somebody else's of that name is.
        """
        check_name(name)
        now = self._clock.now()

        def decide(tx: Transaction) -> SavedQuery:
            former = tx.saved_queries.newest(principal.name, name)
            saved = SavedQuery(
                owner=principal.name,
                name=name,
                version=1 if former is None else former.version + 1,
                at=now,
                query=draft.query,
                visibility=draft.visibility,
                description=draft.description,
            )
            if saved.visibility is Visibility.SHARED:
                _refuse_second(tx, saved)
            tx.saved_queries.put(saved)
            # Once it is put, so that a circle through itself is seen.
            self._check(saved, names_of(tx, principal.name), now)
            return saved

        return await self._store.decide(decide)

    async def get(
        self, name: str, principal: Principal, *, owner: str | None = None
    ) -> SavedQuery:
        """Return the query that the principal means by a name.

        Raises
        ------
        NotFound
            None that he may see.
        """
        return await self._store.view(lambda tx: _found(tx, name, principal, owner))

    async def versions(
        self, name: str, principal: Principal, *, owner: str | None, limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return the versions of one, newest first; deleted ones for the owner.

        Raises
        ------
        NotFound
            None that he may see.
        """

        def question(tx: Transaction) -> tuple[SavedQuery, ...]:
            whose = owner or principal.name
            if not principal.can_see(whose) or not _ever(tx, whose, name):
                whose = _found(tx, name, principal, owner).owner
            found = tx.saved_queries.versions(whose, name, limit)
            everything = principal.can_see(whose)
            return tuple(one for one in found if everything or _is_open(one))

        return await self._store.view(question)

    async def listed(
        self, principal: Principal, *, behind: tuple[str, str], limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return what a principal may see, by name and owner."""
        reader = principal.visible_owner
        return await self._store.view(
            lambda tx: tx.saved_queries.page(reader, behind, limit)
        )

    async def delete(
        self, name: str, principal: Principal, *, owner: str | None = None
    ) -> None:
        """Take a name away; its versions are kept.

        Raises
        ------
        NotFound
            None that he may see.
        Forbidden
            It is somebody else's.
        """
        now = self._clock.now()

        def decide(tx: Transaction) -> None:
            found = _found(tx, name, principal, owner)
            if not principal.can_see(found.owner):
                raise Forbidden(principal.name, f"to be {found.owner}, who saved it")
            tx.saved_queries.put(
                msgspec.structs.replace(
                    found, version=found.version + 1, at=now, deleted=True
                )
            )

        await self._store.decide(decide)

    def _check(self, saved: SavedQuery, names: Resolver, now: float) -> None:
        parser = self._parser.resolving(names)
        try:
            if isinstance(saved.query, str):
                parser.parse(saved.query, now=now)
            else:
                parser.from_json(saved.query, now=now, at=_PLACE)
        except QueryError as error:
            if error.column is None:
                raise
            reason = f"column {error.column}: {error.bare_reason}"
            raise type(error)(_PLACE, reason, error.mend) from None


def names_of(tx: Transaction, reader: str) -> Resolver:
    """Return what names stand for to a reader.

    His own queries first, then shared ones, then frozen lists of runs. Names within a
    shared query are those of its owner, whoever uses it.
    """

    def look(name: str) -> Meaning | None:
        found = _meant(tx, name, reader)
        if found is None:
            return _frozen(tx, name)
        own = found.owner == reader
        return Meaning(
            query=found.query,
            key=f"{found.owner}/{found.name}",
            names=None if own else names_of(tx, found.owner),
        )

    return look


def _meant(tx: Transaction, name: str, reader: str) -> SavedQuery | None:
    own = tx.saved_queries.newest(reader, name)
    return own if own and not own.deleted else tx.saved_queries.shared(name)


def _frozen(tx: Transaction, name: str) -> Meaning | None:
    versions = tx.run_lists.heads(name)
    if not versions:
        return None
    # Of a list that is being made not all runs are found yet.
    begun = {one.label for one in tx.run_lists.unfinished()}
    whole = [one for one in versions if one.label not in begun]
    if not whole:
        return None
    newest = max(whole, key=lambda one: one.version)
    tree = Compare(field="run_lists", operator=Operator.EQUAL, value=newest.label)
    return Meaning(query=tree, key=f"@{name}")


def _found(
    tx: Transaction, name: str, principal: Principal, owner: str | None
) -> SavedQuery:
    if owner is None:
        found = _meant(tx, name, principal.name)
    else:
        found = tx.saved_queries.newest(owner, name)
    if found is None or found.deleted:
        raise NotFound(_WHAT, name)
    if not principal.can_see(found.owner) and not _is_open(found):
        raise NotFound(_WHAT, name)
    return found


def _refuse_second(tx: Transaction, saved: SavedQuery) -> None:
    other = tx.saved_queries.shared(saved.name)
    if other is not None and other.owner != saved.owner:
        raise Conflict(_WHAT, saved.name, f"{other.owner} shares one of that name")


def _ever(tx: Transaction, owner: str, name: str) -> bool:
    return tx.saved_queries.newest(owner, name) is not None


def _is_open(query: SavedQuery) -> bool:
    return query.visibility is Visibility.SHARED and not query.deleted
