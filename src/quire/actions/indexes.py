"""The indexes that an operator manages."""

from quire.access.principals import Principal, Scope, require
from quire.errors import InputError, NotFound
from quire.ports.run_index import FieldIndex
from quire.ports.store import Store, Transaction
from quire.runs.query.reading import unquoted
from quire.runs.query.registry import FieldRegistry
from quire.runs.searchable import GROWING


class Indexes:
    """Adds, lists and drops indexes of fields.

    Parameters
    ----------
    fields
        What their names mean.
    """

    def __init__(self, store: Store, fields: FieldRegistry) -> None:
        self._store = store
        self._fields = fields

    async def add(self, name: str, principal: Principal) -> FieldIndex:
        """Have a field indexed, behind all other work.

        Raises
        ------
        UnknownField
            The name means no field.
        InputError
            The field changes with every event.
        """
        require(principal, Scope.ADMIN_ALL)
        path = self._fields.field(unquoted(name), "field").path
        if path in GROWING:
            raise InputError("field", f"{path} changes with every event", "leave it be")

        def decide(tx: Transaction) -> FieldIndex:
            tx.run_index.add(path)
            return next(one for one in tx.run_index.listed() if one.path == path)

        return await self._store.decide(decide)

    async def remove(self, name: str, principal: Principal) -> None:
        """Drop the index of a field.

        Raises
        ------
        NotFound
            It has none.
        """
        require(principal, Scope.ADMIN_ALL)
        path = self._fields.field(unquoted(name), "field").path

        def decide(tx: Transaction) -> None:
            if all(one.path != path for one in tx.run_index.listed()):
                raise NotFound("index", name)
            tx.run_index.remove(path)

        await self._store.decide(decide)

    async def listed(self) -> tuple[FieldIndex, ...]:
        """Return the indexes that were added."""
        return await self._store.view(lambda tx: tx.run_index.listed())
