"""Runs, progress, products and tokens in memory."""

import math
from collections.abc import Iterable

from quire.access.tokens import Token
from quire.access.visibility import admits, audience
from quire.ports.product_records import Place
from quire.ports.run_records import RunQuery
from quire.products.product import Product
from quire.progress.log import Entry, Head
from quire.runs.run import Run, Status
from quire.storage.memory.journal import Journal


class MemoryRuns:
    """`quire.ports.run_records.RunRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._runs: dict[str, Run] = {}

    def get(self, uid: str) -> Run | None:
        """Return a run by its full uid."""
        return self._runs.get(uid)

    def put(self, run: Run) -> None:
        """Store a run in place of what was there under its uid."""
        self._journal.set(self._runs, run.uid, run)
        self._journal.topics.add("runs")

    def all(self) -> Iterable[Run]:
        """Return the runs in no order."""
        return self._runs.values()

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """Return matching runs, newest first."""
        found = [run for run in self._runs.values() if _run_fits(run, query)]
        found.sort(key=lambda run: _place(run.time, run.uid), reverse=True)
        return tuple(found[: max(query.limit, 0)])


class MemoryProgress:
    """`quire.ports.progress_records.ProgressRecords` in dictionaries."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._heads: dict[str, Head] = {}
        self._entries: dict[str, dict[int, Entry]] = {}

    def head(self, operation: str) -> Head | None:
        """Return how far an operation's log has come, None if it has none."""
        return self._heads.get(operation)

    def append(self, head: Head, entry: Entry) -> None:
        """Store an entry and the head behind it."""
        entries = self._entries.setdefault(entry.operation, {})
        self._journal.set(entries, entry.number, entry)
        self._journal.set(self._heads, entry.operation, head)
        self._journal.topics.add(entry.operation)

    def entries(self, operation: str, after: int, limit: int) -> tuple[Entry, ...]:
        """Return entries with numbers above `after`, in order."""
        entries = self._entries.get(operation, {})
        numbers = sorted(number for number in entries if number > after)
        return tuple(entries[number] for number in numbers[: max(limit, 0)])


class MemoryProducts:
    """`quire.ports.product_records.ProductRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._products: dict[str, Product] = {}

    def get(self, product: str) -> Product | None:
        """Return a product by its id."""
        return self._products.get(product)

    def put(self, product: Product) -> None:
        """Store a product in place of what was there under its id."""
        self._journal.set(self._products, product.id, product)

    def of_run(self, run: str) -> tuple[Product, ...]:
        """Return the products that were made from a run, newest first."""
        return tuple(one for one in self._newest() if run in one.runs)

    def newest(
        self, limit: int, owner: str | None, before: Place | None = None
    ) -> tuple[Product, ...]:
        """Return the products made last; `owner` None for everybody's."""
        found = [
            one
            for one in self._newest()
            if owner in (None, one.owner)
            and (before is None or (one.made, one.id) < before)
        ]
        return tuple(found[: max(limit, 0)])

    def _newest(self) -> list[Product]:
        products = self._products.values()
        return sorted(products, key=lambda one: (one.made, one.id), reverse=True)


class MemoryTokens:
    """`quire.ports.token_records.TokenRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tokens: dict[str, Token] = {}

    def get(self, token_hash: str) -> Token | None:
        """Return the token with this hash."""
        return self._tokens.get(token_hash)

    def put(self, token: Token) -> None:
        """Store a token in place of what was there under its hash."""
        self._journal.set(self._tokens, token.hash, token)

    def remove(self, token_hash: str) -> None:
        """Forget a token; nothing happens if there is none."""
        if token_hash in self._tokens:
            self._journal.remove(self._tokens, token_hash)

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        tokens = self._tokens.values()
        return tuple(sorted(tokens, key=lambda token: (token.created, token.hash)))


def _place(time: float | None, uid: str) -> tuple[float, str]:
    return (-math.inf if time is None or math.isnan(time) else time, uid)


def _run_fits(run: Run, query: RunQuery) -> bool:
    before, lapsed = query.before, query.lapsed_at
    return (
        admits(audience(run.owner, run.start_document()), query.visible)
        and query.scan_id in (None, run.scan_id)
        and run.uid.startswith(query.prefix)
        and (before is None or _place(run.time, run.uid) < _place(*before))
        and (lapsed is None or (run.status is Status.OPEN and run.lease_until < lapsed))
    )
