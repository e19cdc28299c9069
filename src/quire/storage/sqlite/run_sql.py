"""All SQL about runs but the schema, by name."""

from collections.abc import Sequence

GET = "SELECT record FROM run WHERE uid = ?"
STANDING = "SELECT id, newest, stale, access, facts, facets FROM run WHERE uid = ?"
INSERT = (
    "INSERT INTO run (id, uid, newest, stale, access, scan_id, experiment, run,"
    " events, lease_until, facts, facets, view, record)"
    " VALUES (:id, :uid, :newest, 1, :access, :scan_id, :experiment, :run,"
    " :events, :lease_until, :facts, :facets, jsonb(:view), :record)"
)
REMOVE = "DELETE FROM run WHERE id = ?"
UPDATE = (
    "UPDATE run SET stale = 1, access = :access, scan_id = :scan_id,"
    " experiment = :experiment, run = :run, events = :events,"
    " lease_until = :lease_until, facts = :facts, facets = :facets,"
    " view = jsonb(:view), record = :record WHERE id = :id"
)
GROW = "UPDATE run SET events = ?, record = ? WHERE id = ?"
GROW_LEASED = "UPDATE run SET events = ?, lease_until = ?, record = ? WHERE id = ?"
LAST_OF = "SELECT max(id) FROM run WHERE id BETWEEN ? AND ?"

ACCESS_GET = "SELECT id FROM access_list WHERE members = ?"
ACCESS_PUT = "INSERT INTO access_list (members) VALUES (?)"
ACCESS_ALL = "SELECT id, members FROM access_list WHERE id > ? ORDER BY id"

FACET_ADD = (
    "INSERT INTO facet (field, value, access, runs) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (field, value, access) DO UPDATE SET runs = runs + excluded.runs"
)
FACET_EMPTY = (
    "DELETE FROM facet WHERE field = ? AND value = ? AND access = ? AND runs <= 0"
)
COUNTING = "SAVEPOINT counting"
NOT_COUNTED = "ROLLBACK TO counting"
COUNTED = "RELEASE counting"

PAGE = "SELECT record FROM run"
# uid_text is a function of ours: BLOB and TEXT uids must sort together, as text.
ORDER = "ORDER BY id DESC LIMIT :limit"
LAPSED = "id IN (SELECT id FROM run WHERE lease_until < :lapsed_at)"
SCAN_ID = "scan_id = :scan_id"
PREFIX = (
    "run.id IN (SELECT r.id FROM run AS r"
    " WHERE r.uid >= :text_low AND r.uid < :text_high"
    " UNION ALL SELECT r.id FROM run AS r"
    " WHERE r.uid >= :blob_low AND r.uid <= :blob_high)"
)

FEW_BY_PREFIX = (
    "SELECT count(*) FROM (SELECT id FROM run WHERE uid >= :text_low AND"
    " uid < :text_high UNION ALL SELECT id FROM run WHERE uid >= :blob_low"
    " AND uid <= :blob_high LIMIT :most)"
)
OUTDATED = "SELECT record FROM run WHERE stale = 2 ORDER BY id LIMIT ?"
STALE = (
    "SELECT id, access, record FROM run INDEXED BY run_stale"
    # The first condition is the index's own: SQLite does not see that it follows.
    " WHERE stale > 0 AND stale = 1 ORDER BY id LIMIT ?"
)
FRESH = "UPDATE run SET stale = 0 WHERE id = ?"
TERM_REMOVE = "DELETE FROM run_term WHERE rowid = ?"
TERM_PUT = "INSERT INTO run_term (rowid, terms) VALUES (?, ?)"
FIELD_ALL = "SELECT field, path FROM field_index ORDER BY path"
DESCRIBED = "SELECT version FROM run_described"
FORGET_DESCRIBED = "DELETE FROM run_described"
DESCRIBE_AS = "INSERT INTO run_described (version) VALUES (?)"
OUTDATE_ALL = "UPDATE run SET stale = 2"
FIELD_LISTED = "SELECT path, below IS NULL FROM field_index ORDER BY path"
FIELD_READY = "SELECT field, path FROM field_index WHERE below IS NULL"
FIELD_UNFILLED = "SELECT field, path, below FROM field_index WHERE below IS NOT NULL"
FIELD_FILLED = "UPDATE field_index SET below = ? WHERE field = ?"
FIELD_ADD = "INSERT INTO field_index (path, below) VALUES (?, 9223372036854775807)"
BELOW = "SELECT id, record FROM run WHERE id < ? ORDER BY id DESC LIMIT ?"
FEW_BY_FIELD = (
    "SELECT count(*) FROM (SELECT 1 FROM field_value"
    " WHERE field = ? AND value BETWEEN ? AND ? LIMIT ?)"
)
FIELD_REMOVE = "DELETE FROM field_index WHERE field = ?"
FIELD_VALUE_PUT = (
    "INSERT OR IGNORE INTO field_value (field, value, run) VALUES (?, ?, ?)"
)
FIELD_VALUES_REMOVE = "DELETE FROM field_value WHERE run = ?"
FIELD_VALUES_DROP = "DELETE FROM field_value WHERE field = ?"

FACET_VALUES = "SELECT value, sum(runs) FROM facet WHERE field = :field"
FACET_ORDER = "GROUP BY value ORDER BY 2 DESC, 1 LIMIT :limit"
FEW_BY_SCAN_ID = (
    "SELECT count(*), min(id), max(id) FROM"
    " (SELECT id FROM run WHERE scan_id BETWEEN ? AND ? LIMIT ?)"
)
# Its shadow table has a small row for each run in the index of terms.
FEW_INDEXED = (
    "SELECT count(*) FROM (SELECT 1 FROM run_term_docsize"
    " WHERE id BETWEEN ? AND ? LIMIT ?)"
)
MET = (
    "SELECT count(*) FROM (SELECT 1 FROM run_term_docsize"
    " WHERE id BETWEEN :first AND :last LIMIT :most)"
)
MET_BY_TERMS = (
    "SELECT count(*) FROM (SELECT 1 FROM run_term WHERE run_term MATCH :match"
    " AND rowid BETWEEN :first AND :last LIMIT :most)"
)
TWINS = "SELECT count(*) FROM run WHERE experiment = ? AND run = ?"
IN_EXPERIMENT = "run.experiment = :low_e AND run.run BETWEEN :low_r AND :high_r"
IN_NUMBERS = (
    "(run.experiment, run.run) >= (:low_e, :low_r)"
    " AND (run.experiment, run.run) <= (:high_e, :high_r)"
)
# The pluses keep SQLite from an index: these are asked of what another one finds.
FROM_NUMBER = {
    False: "(+run.experiment, +run.run) >= (:experiment, :number)",
    True: "(+run.experiment, +run.run) <= (:experiment, :number)",
}
FIRST_EXPERIMENT = "SELECT min(experiment) FROM run WHERE experiment BETWEEN ? AND ?"
LAST_EXPERIMENT = "SELECT max(experiment) FROM run WHERE experiment BETWEEN ? AND ?"


def counted(source: str, conditions: Sequence[str]) -> str:
    """Return a query that counts rows, up to ``:most``."""
    where = " AND ".join(conditions) or "1"
    return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT :most)"  # noqa: S608


def values_of(source: str, conditions: Sequence[str]) -> str:
    """Return a query for the values at ``:path``, and how many rows have each."""
    where = " AND ".join(conditions) or "1"
    return (
        "SELECT CASE WHEN each.type IN ('integer', 'real') THEN 'number'"  # noqa: S608
        f" ELSE each.type END, each.value, count(*) FROM {source},"
        f" json_each(run.view, :path) AS each WHERE {where} GROUP BY 1, 2"
    )


def facet_values(lists: Sequence[int] | None) -> str:
    """Return a query for the counted values of ``:field`` in some access lists."""
    seen = "" if lists is None else f" AND access IN ({', '.join(map(str, lists))})"
    return f"{FACET_VALUES}{seen} {FACET_ORDER}"


def numbered(source: str, conditions: Sequence[str], *, descending: bool) -> str:
    """Return a query for runs in the order of experiment, run and uid."""
    where = " AND ".join(conditions) or "1"
    way = " DESC" if descending else ""
    return (
        "SELECT run.experiment, run.run, run.uid, run.record"  # noqa: S608
        f" FROM {source} WHERE {where}"
        f" ORDER BY run.experiment{way}, run.run{way}, uid_text(run.uid){way}"
        " LIMIT :limit"
    )
