"""All SQL about runs but the schema, by name."""

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
GROW = "UPDATE run SET events = ?, lease_until = ?, record = ? WHERE id = ?"
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

PAGE = "SELECT record FROM run"
# uid_text is a function of ours: BLOB and TEXT uids must sort together, as text.
ORDER = "ORDER BY id DESC LIMIT :limit"
LAPSED = "id IN (SELECT id FROM run WHERE lease_until < :lapsed_at)"
SCAN_ID = "scan_id = :scan_id"
PREFIX = (
    "id IN (SELECT id FROM run WHERE uid >= :text_low AND uid < :text_high"
    " UNION ALL SELECT id FROM run WHERE uid >= :blob_low AND uid <= :blob_high)"
)

STALE = "SELECT id, record FROM run WHERE stale = 1 ORDER BY id LIMIT ?"
OUTDATED = "SELECT id, record FROM run WHERE stale = 2 ORDER BY id LIMIT ?"
FRESH = "UPDATE run SET stale = 0 WHERE id = ?"
TERM_REMOVE = "DELETE FROM run_term WHERE rowid = ?"
TERM_PUT = "INSERT INTO run_term (rowid, terms) VALUES (?, ?)"
OUTDATE_ALL = "UPDATE run SET stale = 2"
