"""Products in the store."""

from typing import Protocol

from quire.products.product import Product


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

    def newest(self, limit: int, owner: str | None) -> tuple[Product, ...]:
        """Return the products made last; `owner` None for everybody's."""
        ...
