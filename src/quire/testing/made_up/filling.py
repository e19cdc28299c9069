"""Very many made-up runs put into an empty SQLite store, past its decisions.

Processes make the rows; one inserts them in the order of their keys, without a journal
and in few commits. What it makes is what decisions and the indexer would have made,
but for how the index of terms is split into segments: here it is one.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from quire.access.visibility import Audience, audience
from quire.runs.searchable import describe
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.access_lists import AccessLists
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.runs import fresh_row
from quire.storage.sqlite.store import FILE_NAME, SqliteStore
from quire.storage.sqlite.terms import access_term, terms_of
from quire.testing.made_up.runs import BLOCK, block

_CACHE_KILOBYTES = 1_000_000
_TERMS_IN_MEMORY = (
    512 * 2**20
)  # bytes, of the index of terms, before a segment is written
_BLOCKS_IN_A_COMMIT = 50
_AHEAD = 4  # blocks that a process may be in front of the one that inserts

_INSERT = sql.INSERT.replace(":newest, 1,", ":newest, 0,")
_NUMBERS = ("id", "experiment", "run", "scan_id")
_SET = "INSERT INTO run_term (run_term, rank) VALUES (?, ?)"
_FORGET = "DELETE FROM run_term_config WHERE k <> 'version'"
_MERGE = "INSERT INTO run_term (run_term) VALUES ('optimize')"


class Block(NamedTuple):
    """Rows of runs, as a process hands them over.

    Attributes
    ----------
    rows
        Of each run what is bound to be inserted, its terms, and who may see it.
    facets
        How many runs have each field, value and access list.
    """

    rows: list[tuple[dict[str, Any], str, Audience]]
    facets: Counter[tuple[str, str, Audience]]


def fill(
    folder: Path, count: int, version: str, *, small: bool = False, processes: int = 2
) -> None:
    """Put so many made-up runs into a folder, all indexed.

    One that was filled with fewer, whole blocks of them, is filled up. What is killed
    meanwhile leaves nothing of use.

    Parameters
    ----------
    version
        What they are described by, as the server will say it.
    small
        See `quire.testing.made_up.runs.runs`.
    """
    asyncio.run(_make(folder, version))
    connection = apsw.Connection(str(folder / FILE_NAME))
    try:
        _unsafe(connection)
        counted: Any = connection.execute("SELECT count(*) FROM run").fetchone()
        _Filler(connection).take(_blocks(counted[0], count, processes, small=small))
    finally:
        connection.close()


async def _make(folder: Path, version: str) -> None:
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    await store.decide(lambda tx: tx.run_index.described_as(version))
    await store.aclose()


def _unsafe(connection: apsw.Connection) -> None:
    """Give up all that makes a crash harmless: a half-filled folder is thrown away."""
    connection.pragma("journal_mode", "off")
    connection.pragma("synchronous", 0)
    connection.pragma("locking_mode", "exclusive")
    connection.pragma("cache_size", -_CACHE_KILOBYTES)


class _Filler:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._numbers = cache(AccessLists(connection).number)
        self._facets: Counter[tuple[str, str, Audience]] = Counter()
        self._placed: list[dict[str, Any]] = []

    def take(self, blocks: Iterator[Block]) -> None:
        self._hold_terms()
        self._connection.execute("BEGIN")
        for number, one in enumerate(blocks, 1):
            self._insert(one)
            if number % _BLOCKS_IN_A_COMMIT == 0:
                self._commit()
                self._connection.execute("BEGIN")
        self._commit()
        self._merge_terms()

    def _commit(self) -> None:
        self._connection.executemany(
            sql.FACET_ADD,
            [
                (field, value, self._numbers(seen_by), runs)
                for (field, value, seen_by), runs in sorted(self._facets.items())
            ],
        )
        for text in sql.TO_ZONES:  # after each one the index of terms is written
            self._connection.executemany(text, self._placed)
        self._connection.execute("COMMIT")
        self._facets.clear()
        self._placed.clear()

    def _insert(self, given: Block) -> None:
        rows: list[dict[str, Any]] = []
        terms: list[tuple[int, str]] = []
        for row, text, seen_by in given.rows:
            access = self._numbers(seen_by)
            rows.append({**row, "access": access})
            terms.append((row["id"], f"{text} {access_term(access)}"))
        self._connection.executemany(_INSERT, rows)
        self._connection.executemany(sql.TERM_PUT, terms)
        self._placed += ({name: row[name] for name in _NUMBERS} for row in rows)
        self._facets.update(given.facets)

    def _hold_terms(self) -> None:
        for name, value in (
            ("hashsize", _TERMS_IN_MEMORY),
            ("automerge", 0),
            ("crisismerge", 1_999),
        ):
            self._connection.execute(_SET, (name, value))

    def _merge_terms(self) -> None:
        self._connection.execute(_MERGE)
        self._connection.execute(_FORGET)


def _blocks(filled: int, count: int, processes: int, *, small: bool) -> Iterator[Block]:
    """Yield the rows of all runs in their order, made some blocks ahead."""
    firsts = iter(range(filled, count, BLOCK))
    waiting: deque[Future[Block]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for first in firsts:
            end = min(count, first + BLOCK)
            waiting.append(pool.submit(made, first, end, small=small))
            if len(waiting) > processes * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def made(first: int, end: int, *, small: bool) -> Block:
    """Return the rows of the made-up runs of these places."""
    describes = describe()
    rows: list[tuple[dict[str, Any], str, Audience]] = []
    facets: Counter[tuple[str, str, Audience]] = Counter()
    for run in block(first, end, small=small):
        found = describes(run)
        seen_by = audience(run.owner, run.start_document())
        # Made-up runs start in ticks of their own.
        row = {**fresh_row(run, found), "id": span(run.time)[0]}
        rows.append((row, terms_of(found), seen_by))
        facets.update((*pair, seen_by) for pair in set(found.facets))
    return Block(rows, facets)
