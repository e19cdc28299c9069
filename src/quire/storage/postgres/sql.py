"""The SQL of the PostgreSQL store that stands in no file of its own, by name."""

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"
WAIT_LONG = "SET LOCAL lock_timeout = '10s'"
WAIT_SHORT = "SET LOCAL lock_timeout = '100ms'"
SAVEPOINT = "SAVEPOINT decision"
RELEASE = "RELEASE SAVEPOINT decision"
ROLLBACK_TO = "ROLLBACK TO SAVEPOINT decision"
PROVE = (
    "INSERT INTO durability (id, tests) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET tests = durability.tests + 1"
)
# Those of connections that ended long ago are nobody's doubt any more.
LEAVE_COMMITS = "DELETE FROM last_commit WHERE at < now() - interval '30 days'"
ENLIST_WRITER = "INSERT INTO last_commit (writer) VALUES (%s)"
NUMBER_COMMIT = (
    "INSERT INTO last_commit (writer, number) SELECT %s, %s"
    " WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
    " ON CONFLICT (writer) DO UPDATE SET number = EXCLUDED.number, at = now()"
    " RETURNING number"
)
# Waits for a transaction that has numbered its commit and has not ended.
LAST_COMMIT = "SELECT number FROM last_commit WHERE writer = %s FOR UPDATE"

BLOCK_PUT = "INSERT INTO block (run, directory, body) VALUES (%s, %s, %s) RETURNING id"
BLOCKS = (
    "SELECT id, directory, body FROM block WHERE id = ANY(%s::bigint[]) ORDER BY id"
)
DIRECTORIES = "SELECT id, directory FROM block WHERE id = ANY(%s::bigint[]) ORDER BY id"
# As the indexes have it: a uid may be longer than their entries.
OF_RUN = (
    "substring(run FROM 1 FOR 1000) = substring(%(run)s::bytea FROM 1 FOR 1000)"
    " AND run = %(run)s"
)
BLOCK_IDS_OF_RUN = (
    f"SELECT id FROM block WHERE {OF_RUN} AND id >= %(first)s ORDER BY id"  # noqa: S608
)
NEWS_OF_RUN = (
    f"(SELECT id, directory, NULL::bigint FROM block WHERE {OF_RUN}"  # noqa: S608
    f" AND id > %(block)s) UNION ALL (SELECT id, NULL, number FROM adopted"
    f" WHERE {OF_RUN} AND id > %(adopted)s)"
)
WAITING_FOR = "SELECT number FROM waiting WHERE waits_for = %s ORDER BY number"
WAITING_REMOVE = "DELETE FROM waiting WHERE waits_for = %s"
WAITING_KEYS = (
    "SELECT key, number FROM waiting_key WHERE key = ANY(%s::bigint[]) ORDER BY number"
)
WAITING_KEYS_REMOVE = "DELETE FROM waiting_key WHERE number = ANY(%s::bigint[])"
ADOPTED_PUT = "INSERT INTO adopted (run, number) SELECT %s, unnest(%s::bigint[])"
ADOPTED_OF_RUN = f"SELECT number FROM adopted WHERE {OF_RUN} ORDER BY number"  # noqa: S608
ANCHORS_PUT = (
    "INSERT INTO anchor (uid, run) SELECT unnest(%s::bytea[]), %s"
    " ON CONFLICT (uid) DO NOTHING"
)
ANCHOR_GET = "SELECT run FROM anchor WHERE uid = %s"

HEAD_GET = "SELECT first, last, highest, final FROM progress_head WHERE operation = %s"
APPEND = (
    "WITH entry AS (INSERT INTO progress_entry"
    " (operation, number, at, type, message, progress)"
    " VALUES (%s, %s, %s, %s, %s, %s))"
    " INSERT INTO progress_head (operation, first, last, highest, final)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (operation) DO UPDATE SET"
    " first = excluded.first, last = excluded.last,"
    " highest = excluded.highest, final = excluded.final"
)
ENTRIES_AFTER = (
    "SELECT number, at, type, message, progress FROM progress_entry"
    " WHERE operation = %s AND number > %s ORDER BY number LIMIT %s"
)
