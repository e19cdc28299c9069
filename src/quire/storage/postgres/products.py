"""The published products in PostgreSQL."""

import math
from typing import Any

from quire.ports.product_records import Place
from quire.products.product import Product
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column

_CODEC = Codec(Product)
_GET = "SELECT record FROM product WHERE id = %s"
_PUT = (
    "INSERT INTO product (id, owner, made, record) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET"
    " owner = excluded.owner, made = excluded.made, record = excluded.record"
)
_RUNS_PUT = (
    "INSERT INTO product_run (product, run) SELECT %s, unnest(%s::bytea[])"
    " ON CONFLICT DO NOTHING"
)
_RUNS_REMOVE = "DELETE FROM product_run WHERE product = %s AND run = ANY(%s::bytea[])"
_OF_RUN = (
    "SELECT record FROM product"
    " WHERE id IN (SELECT product FROM product_run WHERE run = %s)"
    " ORDER BY made DESC, id DESC"
)
_NEWEST = (
    "SELECT record FROM product WHERE (made, id) < (%s, %s)"
    " ORDER BY made DESC, id DESC LIMIT %s"
)
_NEWEST_OF_OWNER = (
    "SELECT record FROM product WHERE owner = %s AND (made, id) < (%s, %s)"
    " ORDER BY made DESC, id DESC LIMIT %s"
)


class PostgresProducts:
    """`quire.ports.product_records.ProductRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, product: str) -> Product | None:
        """Return a product by its id."""
        self._session.lock("product", product)
        return next(iter(self._select(_GET, to_column(product))), None)

    def put(self, product: Product) -> None:
        """Store a product in place of what was there under its id."""
        former = self.get(product.id)
        old = set() if former is None else set(map(to_key, former.runs))
        new = set(map(self._session.key, product.runs))
        column = to_column(product.id)
        for statement, runs in ((_RUNS_REMOVE, old - new), (_RUNS_PUT, new - old)):
            if runs:
                self._session.run(statement, (column, list(runs)))
        owner, record = self._session.key(product.owner), _CODEC.encode(product)
        self._session.run(_PUT, (column, owner, product.made, record))

    def of_run(self, run: str) -> tuple[Product, ...]:
        """Return the products that were made from a run, newest first."""
        return self._select(_OF_RUN, to_key(run))

    def newest(
        self, limit: int, owner: str | None, before: Place | None = None
    ) -> tuple[Product, ...]:
        """Return the products made last; `owner` None for everybody's."""
        made, product = before or (math.inf, "")
        page = made, to_column(product), max(limit, 0)
        if owner is None:
            return self._select(_NEWEST, *page)
        return self._select(_NEWEST_OF_OWNER, to_key(owner), *page)

    def _select(self, query: str, *values: Any) -> tuple[Product, ...]:
        return tuple(_CODEC.decode(row[0]) for row in self._session.rows(query, values))
