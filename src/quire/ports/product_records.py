"""Products in the store."""

from typing import Protocol

from quire.products.product import Product

Place = tuple[float, str]
"""When a product was made, and its id: newest first, they are in this order."""


class ProductRecords(Protocol):
    """The published products."""

    def get(self, product: str) -> Product | None:
        """Return a product by its id."""
        ...

    def put(self, product: Product) -> None:
        """Store a product in place of what was there under its id."""
        ...

    def of_run(self, run: str) -> tuple[Product, ...]:
        """Return the products that were made from a run, newest first."""
        ...

    def newest(
        self, limit: int, owner: str | None, before: Place | None = None
    ) -> tuple[Product, ...]:
        """Return the products made last; `owner` None for everybody's.

        Parameters
        ----------
        before
            Only those that stand behind this place.
        """
        ...
