"""Published products and where their files lie."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from quire.access.principals import Principal
from quire.actions.seeing import may_see_product
from quire.errors import NotFound
from quire.ports.product_records import Place
from quire.ports.store import Store, Transaction
from quire.products.product import Product, Removal, stale_among


class Shelf:
    """Finds products.

    Parameters
    ----------
    data_folder
        What the paths in the records are relative to.
    """

    def __init__(self, store: Store, data_folder: Path) -> None:
        self._store = store
        self._data_folder = data_folder

    async def get(self, product: str, principal: Principal) -> Product:
        """Return a product that the principal may see.

        Raises
        ------
        NotFound
            There is none of that id, or it was taken away; says by whom.
        """

        def question(tx: Transaction) -> Product:
            found = tx.products.get(product)
            if found is None or not may_see_product(tx, principal, found):
                raise NotFound("product", product)
            if found.removed is not None:
                raise NotFound("product", product, _epitaph(found.removed))
            return found

        return await self._store.view(question)

    async def of_run(self, run: str, principal: Principal) -> tuple[Product, ...]:
        """Return the products of a run that the principal may see, newest first."""
        return await self._store.view(
            lambda tx: tuple(
                one
                for one in tx.products.of_run(run)
                if may_see_product(tx, principal, one)
            )
        )

    async def newest(
        self, principal: Principal, *, limit: int, before: Place | None = None
    ) -> tuple[Product, ...]:
        """Return the principal's products, an administrator everybody's.

        Parameters
        ----------
        before
            Only those that stand behind this place.
        """
        owner = principal.visible_owner
        return await self._store.view(
            lambda tx: tx.products.newest(limit, owner, before)
        )

    async def stale(self, products: Sequence[Product]) -> frozenset[str]:
        """Return the ids of those whose runs have got documents since they were read.

        What was found unchanged when it was made again is not among them.
        """
        runs = {uid for one in products for uid in one.documents}

        def question(tx: Transaction) -> dict[str, int]:
            found = {uid: tx.runs.get(uid) for uid in runs}
            return {uid: run.documents for uid, run in found.items() if run}

        return stale_among(products, await self._store.view(question))

    def file(self, product: Product) -> Path:
        """Return where its file lies."""
        return self._present(product, product.file)

    def manifest(self, product: Product) -> Path:
        """Return where its manifest lies."""
        return self._present(product, product.manifest)

    def _present(self, product: Product, path: str) -> Path:
        full = self._data_folder / path
        if not full.is_file():
            raise NotFound("file of product", product.id, f"{path} is missing")
        return full


def _epitaph(removal: Removal) -> str:
    day = datetime.fromtimestamp(removal.at, UTC).strftime("%Y-%m-%d")
    told = f"{removal.by} has taken it away on {day}"
    return f"{told}: {removal.reason}" if removal.reason else told
