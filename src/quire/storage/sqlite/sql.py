"""The SQL of the SQLite store that stands in no file of its own, by name."""

from collections.abc import Sequence

SAVEPOINT = "SAVEPOINT decision"
RELEASE = "RELEASE decision"
ROLLBACK_TO = "ROLLBACK TO decision"
BEGIN = "BEGIN IMMEDIATE"
BEGIN_READ = "BEGIN"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"
PROVE = (
    "INSERT INTO durability (id, tests) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET tests = tests + 1"
)

BLOCK_PUT = "INSERT INTO block (run, directory, body) VALUES (?, ?, ?)"
BLOCK_GET = "SELECT directory, body FROM block WHERE id = ?"
BLOCK_DIRECTORY = "SELECT directory FROM block WHERE id = ?"
BLOCKS_OF_RUN = "SELECT id FROM block WHERE run = ? AND id >= ? ORDER BY id"
WAITING_PUT = "INSERT INTO waiting (waits_for, number) VALUES (?, ?)"
WAITING_FOR = "SELECT number FROM waiting WHERE waits_for = ? ORDER BY number"
WAITING_ALL = "SELECT number FROM waiting ORDER BY number"
WAITING_REMOVE = "DELETE FROM waiting WHERE waits_for = ?"
OF_RUN = (
    "SELECT number, NULL FROM adopted WHERE run = ?1"
    " UNION ALL SELECT id, directory FROM block WHERE run = ?1"
)
ADOPTED_PUT = "INSERT INTO adopted (run, number) VALUES (?, ?)"
ADOPTED_OF_RUN = "SELECT number FROM adopted WHERE run = ? ORDER BY number"
ANCHOR_PUT = "INSERT OR IGNORE INTO anchor (uid, run) VALUES (?, ?)"
ANCHOR_GET = "SELECT run FROM anchor WHERE uid = ?"

HEAD_GET = "SELECT first, last, highest, final FROM progress_head WHERE operation = ?"
HEAD_PUT = (
    "INSERT OR REPLACE INTO progress_head (operation, first, last, highest, final)"
    " VALUES (?, ?, ?, ?, ?)"
)
ENTRY_PUT = (
    "INSERT INTO progress_entry (operation, number, at, type, message, progress)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
ENTRIES_AFTER = (
    "SELECT number, at, type, message, progress FROM progress_entry"
    " WHERE operation = ? AND number > ? ORDER BY number LIMIT ?"
)

PRODUCT_GET = "SELECT record FROM product WHERE id = ?"
PRODUCT_PUT = (
    "INSERT INTO product (id, owner, made, record) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET"
    " owner = excluded.owner, made = excluded.made, record = excluded.record"
)
PRODUCT_RUN_PUT = "INSERT OR IGNORE INTO product_run (run, product) VALUES (?, ?)"
PRODUCT_RUN_REMOVE = "DELETE FROM product_run WHERE run = ? AND product = ?"
PRODUCTS_OF_RUN = (
    "SELECT record FROM product"
    " WHERE id IN (SELECT product FROM product_run WHERE run = ?)"
    " ORDER BY made DESC, uid_text(id) DESC"
)
PRODUCTS_NEWEST = (
    "SELECT record FROM product"
    " WHERE made <= ?2 AND (made < ?2 OR uid_text(id) < ?3)"
    " ORDER BY made DESC, uid_text(id) DESC LIMIT ?1"
)
PRODUCTS_NEWEST_OF_OWNER = (
    "SELECT record FROM product WHERE owner = ?4"
    " AND made <= ?2 AND (made < ?2 OR uid_text(id) < ?3)"
    " ORDER BY made DESC, uid_text(id) DESC LIMIT ?1"
)

TOKEN_GET = "SELECT record FROM token WHERE hash = ?"  # noqa: S105
TOKEN_PUT = "INSERT OR REPLACE INTO token (hash, created, record) VALUES (?, ?, ?)"  # noqa: S105
TOKEN_REMOVE = "DELETE FROM token WHERE hash = ?"  # noqa: S105
TOKEN_ALL = "SELECT record FROM token ORDER BY created, hash"  # noqa: S105


def page(select: str, conditions: Sequence[str], order: str) -> str:
    """Return a query of the named parts; of few shapes, so its statement is cached."""
    where = ["WHERE", " AND ".join(conditions)] if conditions else []
    return " ".join([select, *where, order])
