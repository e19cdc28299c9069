"""Taking a published product away: its files go, who did it and why stays.

Nothing else ends a product: it outlives its job, and its run's late documents.
"""

import asyncio
from pathlib import Path

from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.seeing import may_see_product
from quire.clock import Clock
from quire.errors import Forbidden, NotFound, StoreUnavailable
from quire.ports.store import Store, Transaction
from quire.products.product import Product, Removal

_PROVENANCE = ".prov.json"


class RemovingProducts:
    """Takes products away.

    Parameters
    ----------
    data_folder
        What the paths in the records are relative to.
    """

    def __init__(self, store: Store, clock: Clock, *, data_folder: Path) -> None:
        self._store = store
        self._clock = clock
        self._folder = data_folder

    async def remove(
        self, product: str, principal: Principal, *, reason: str = ""
    ) -> Product:
        """Take a product away, for good; again for one that is gone changes nothing.

        Its files stay while they are those of another product, too: the same run was
        projected more than once.

        Raises
        ------
        NotFound
            There is none of that id that the principal may see.
        Forbidden
            It is somebody else's.
        StoreUnavailable
            Its files cannot be deleted.
        """

        def question(tx: Transaction) -> tuple[Product, bool]:
            found = _own(tx, product, principal)
            return found, _shared(tx, found)

        def decide(tx: Transaction) -> Product:
            found = _own(tx, product, principal)
            if found.removed is not None:
                return found
            by = Removal(by=principal.name, at=self._clock.now(), reason=reason)
            gone = replace(found, removed=by)
            tx.products.put(gone)
            if not _shared(tx, found):
                _forget(tx, found)
            return gone

        found, shared = await self._store.view(question)
        # Of one that is gone the name may be another's by now.
        if found.removed is None and not shared:
            # First the files: a record without them is seen, and asked for again.
            await asyncio.to_thread(self._unlink, found)
        return await self._store.decide(decide)

    def _unlink(self, product: Product) -> None:
        for name in (product.file, product.manifest, product.file + _PROVENANCE):
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as problem:
                reason = f"{name} cannot be deleted: {problem.strerror}"
                raise StoreUnavailable(reason) from None


def _own(tx: Transaction, product: str, principal: Principal) -> Product:
    found = tx.products.get(product)
    if found is None or not may_see_product(tx, principal, found):
        raise NotFound("product", product)
    if not principal.can_see(found.owner):
        raise Forbidden(principal.name, "to be the owner of this product")
    return found


def _shared(tx: Transaction, product: Product) -> bool:
    """Return whether another product is this very file."""
    return any(
        one.file == product.file and one.id != product.id and one.removed is None
        for run in product.runs
        for one in tx.products.of_run(run)
    )


def _forget(tx: Transaction, product: Product) -> None:
    """Have a run no longer found by a product that is gone."""
    name = product.file.rpartition("/")[2]
    for uid in product.runs:
        run = tx.runs.get(uid)
        if run is not None and name in run.products:
            left = tuple(one for one in run.products if one != name)
            tx.runs.put(replace(run, products=left))
