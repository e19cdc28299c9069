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
_WIDENED = (
    " ON CONFLICT DO UPDATE SET earliest = min(earliest, excluded.earliest),"
    " latest = max(latest, excluded.latest)"
    " WHERE excluded.earliest < earliest OR excluded.latest > latest"
)
_TO_NUMBER_ZONE = (
    "INSERT INTO number_zone VALUES (:experiment, :run >> 10, :id >> 40, :id >> 40)"
)
_TO_SCAN_ID_ZONE = (
    "INSERT INTO scan_id_zone SELECT :scan_id >> 10, :id >> 40, :id >> 40"
    " WHERE typeof(:scan_id) = 'integer'"
)
TO_ZONES = (_TO_NUMBER_ZONE + _WIDENED, _TO_SCAN_ID_ZONE + _WIDENED)
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

# Only servers of before marked all runs at once.
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
DESCRIBED = "SELECT version, below FROM run_described"
FORGET_DESCRIBED = "DELETE FROM run_described"
DESCRIBE_AS = "INSERT INTO run_described (version, below) VALUES (?, ?)"
DESCRIBED_DOWN_TO = "UPDATE run_described SET below = ?"
FIELD_LISTED = "SELECT path, below IS NULL FROM field_index ORDER BY path"
FIELD_READY = "SELECT field, path FROM field_index WHERE below IS NULL"
FIELD_UNFILLED = "SELECT field, path, below FROM field_index WHERE below IS NOT NULL"
FIELD_FILLED = "UPDATE field_index SET below = ? WHERE field = ?"
FIELD_ADD = "INSERT INTO field_index (path, below) VALUES (?, 9223372036854775807)"
BELOW = "SELECT id, record FROM run WHERE id < ? ORDER BY id DESC LIMIT ?"
FIELD_REMOVE = "DELETE FROM field_index WHERE field = ?"
FIELD_VALUE_PUT = (
    "INSERT OR IGNORE INTO field_value (field, value, run) VALUES (?, ?, ?)"
)
FIELD_VALUES_REMOVE = "DELETE FROM field_value WHERE run = ?"
FIELD_VALUES_DROP = "DELETE FROM field_value WHERE field = ?"

FACET_VALUES = "SELECT value, sum(runs) FROM facet WHERE field = :field"
FACET_ORDER = "GROUP BY value ORDER BY 2 DESC, 1 LIMIT :limit"
# Queries for ids of runs, with names of what they bind between braces.
UID_TEXTS = "SELECT id FROM run WHERE uid >= {low} AND uid < {high}"
UID_BLOBS = "SELECT id FROM run WHERE uid >= {low} AND uid <= {high}"
SCAN_IDS = (
    "SELECT id FROM run INDEXED BY run_scan_id WHERE scan_id BETWEEN {low} AND {high}"
)
SCAN_ID_BETWEEN = "run.scan_id BETWEEN {low} AND {high}"
IDS_BY_FIELD = (
    "SELECT run AS id FROM field_value"
    " WHERE field = {field} AND value BETWEEN {low} AND {high}"
)
# No bounds hold an empty blob: it says that the run has several numbers.
IDS_BY_SEVERAL = (
    "SELECT run AS id FROM field_value WHERE field = {field} AND value = x''"
)
IDS_BY_TERMS = "SELECT rowid AS id FROM run_term WHERE run_term MATCH {match}"
BETWEEN_IDS = "run.id BETWEEN :first AND :last"
# Terms are sought from a first row on sooner than from a last one back.
BY_TERMS_BETWEEN = (
    "run.id IN (SELECT rowid FROM run_term WHERE run_term MATCH :match"
    " AND rowid BETWEEN :few_first AND :few_last)"
)
INDEXED_IDS = "SELECT id FROM run_term_docsize WHERE id BETWEEN {low} AND {high}"
STALE_IDS = "SELECT id FROM run INDEXED BY run_stale WHERE stale > 0"
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
FIRST_BY_TERMS = (
    "SELECT rowid FROM run_term WHERE run_term MATCH ? ORDER BY rowid LIMIT 1"
)
LAST_BY_TERMS = (
    "SELECT rowid FROM run_term WHERE run_term MATCH ? ORDER BY rowid DESC LIMIT 1"
)
STALE_ENDS = "SELECT min(id), max(id) FROM run INDEXED BY run_stale WHERE stale > 0"
ZONE_OF_SCAN_IDS = (
    "SELECT min(earliest), max(latest) FROM scan_id_zone WHERE stretch BETWEEN ? AND ?"
)
ZONE_OF_NUMBERS = (
    "SELECT min(earliest), max(latest) FROM number_zone"
    " WHERE (experiment, stretch) >= (?, ?) AND (experiment, stretch) <= (?, ?)"
    " AND stretch BETWEEN ? AND ?"
)
_NUMBER_ZONES = (
    "SELECT experiment, stretch FROM number_zone"
    " WHERE (experiment, stretch) >= (?, ?) AND (experiment, stretch) <= (?, ?)"
    " AND latest >= ? AND earliest <= ? ORDER BY experiment {way}, stretch {way}"
)
NUMBER_ZONES = {
    False: _NUMBER_ZONES.format(way="ASC"),
    True: _NUMBER_ZONES.format(way="DESC"),
}
TWINS = "SELECT count(*) FROM run WHERE experiment = ? AND run = ?"
IN_EXPERIMENT = "run.experiment = {low_e} AND run.run BETWEEN {low_r} AND {high_r}"
IN_NUMBERS = (
    "(run.experiment, run.run) >= ({low_e}, {low_r})"
    " AND (run.experiment, run.run) <= ({high_e}, {high_r})"
)
# The pluses keep SQLite from an index: these are asked of what another one finds.
FROM_NUMBER = {
    False: "(+run.experiment, +run.run) >= (:experiment, :number)",
    True: "(+run.experiment, +run.run) <= (:experiment, :number)",
}
FIRST_EXPERIMENT = "SELECT min(experiment) FROM run WHERE experiment BETWEEN ? AND ?"
LAST_EXPERIMENT = "SELECT max(experiment) FROM run WHERE experiment BETWEEN ? AND ?"


def few(queries: str) -> str:
    """Return a query that counts ids, up to ``:most``, and says the ends of them."""
    return f"SELECT count(*), min(id), max(id) FROM ({queries} LIMIT :most)"  # noqa: S608


def ids_by_number(condition: str) -> str:
    """Return a query for the ids of runs by their numbers."""
    return f"SELECT id FROM run INDEXED BY run_number WHERE {condition}"  # noqa: S608


def each(source: str, conditions: Sequence[str]) -> str:
    """Return a query with a row for each one that is met, up to ``:most``."""
    where = " AND ".join(conditions) or "1"
    return f"SELECT 1 FROM {source} WHERE {where} LIMIT :most"  # noqa: S608


def values_of(source: str, conditions: Sequence[str]) -> str:
    """Return a query for the values at ``:path``, and how many rows have each."""
    where = " AND ".join(conditions) or "1"
    return (
        "SELECT CASE WHEN each.type IN ('integer', 'real') THEN 'number'"  # noqa: S608
        f" ELSE each.type END, each.value, count(*) FROM {source},"
        f" json_each(run.view, :path) AS each WHERE {where} GROUP BY 1, 2"
    )


def counts_of(source: str, conditions: Sequence[str], column: str) -> str:
    """Return a query for the numbers in a column, and how many rows have each."""
    where = " AND ".join(conditions) or "1"
    return (
        f"SELECT 'number', {column}, count(*) FROM {source}"  # noqa: S608
        f" WHERE {where} GROUP BY 2"
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
