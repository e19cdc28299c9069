"""The published products in SQLite."""

import math

import apsw

from quire.ports.product_records import Place
from quire.products.product import Product
from quire.storage.codec import Codec
from quire.storage.sqlite import sql
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(Product)


class SqliteProducts:
    """`quire.ports.product_records.ProductRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, product: str) -> Product | None:
        """Return a product by its id."""
        found = self._select(sql.PRODUCT_GET, to_column(product))
        return found[0] if found else None

    def put(self, product: Product) -> None:
        """Store a product in place of what was there under its id."""
        former = self.get(product.id)
        former_runs = set() if former is None else set(former.runs)
        column = to_column(product.id)
        for statement, runs in (
            (sql.PRODUCT_RUN_REMOVE, former_runs - set(product.runs)),
            (sql.PRODUCT_RUN_PUT, set(product.runs) - former_runs),
        ):
            for run in runs:
                self._connection.execute(statement, (to_column(run), column))
        record = _CODEC.encode(product)
        self._connection.execute(
            sql.PRODUCT_PUT, (column, product.owner, product.made, record)
        )

    def of_run(self, run: str) -> tuple[Product, ...]:
        """Return the products that were made from a run, newest first."""
        return self._select(sql.PRODUCTS_OF_RUN, to_column(run))

    def newest(
        self, limit: int, owner: str | None, before: Place | None = None
    ) -> tuple[Product, ...]:
        """Return the products made last; `owner` None for everybody's."""
        made, product = before or (math.inf, "")
        page = max(limit, 0), made, product
        if owner is None:
            return self._select(sql.PRODUCTS_NEWEST, *page)
        return self._select(sql.PRODUCTS_NEWEST_OF_OWNER, *page, owner)

    def _select(
        self, query: str, *bindings: bytes | str | float
    ) -> tuple[Product, ...]:
        rows = self._connection.execute(query, bindings)
        return tuple(_CODEC.decode(row[0]) for row in rows)
