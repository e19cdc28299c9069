"""The SQL of jobs, by name."""

GET = "SELECT record FROM job WHERE id = %s"
PUT = (
    "INSERT INTO job (id, phase, kind, owner, created, not_before, run_id, error,"
    " destruction, record) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET"
    " phase = excluded.phase, kind = excluded.kind, owner = excluded.owner,"
    " created = excluded.created, not_before = excluded.not_before,"
    " run_id = excluded.run_id, error = excluded.error,"
    " destruction = excluded.destruction, record = excluded.record"
)
REMOVE = "DELETE FROM job WHERE id = %s"
RUNS_PUT = (
    "INSERT INTO job_run (job, run) SELECT %s, unnest(%s::bytea[])"
    " ON CONFLICT DO NOTHING"
)
RUNS_REMOVE = "DELETE FROM job_run WHERE job = %s AND run = ANY(%s::bytea[])"
TERMS_PUT = (
    "INSERT INTO job_parameter (job, term) SELECT %s, unnest(%s::bytea[])"
    " ON CONFLICT DO NOTHING"
)
TERMS_REMOVE = "DELETE FROM job_parameter WHERE job = %s"
RESERVE = (
    "INSERT INTO reservation (space, name, job) VALUES (%s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
RESERVED = (
    "SELECT job FROM reservation WHERE key ="
    " (SELECT sha256(int4send(length(space)) || space || name)"
    " FROM (SELECT %s::bytea AS space, %s::bytea AS name) AS asked)"
)

PAGE = "SELECT id, record FROM job"
NEWEST = "ORDER BY created DESC, id DESC LIMIT %s"
OLDEST = "ORDER BY created, id LIMIT %s"
DUE_FIRST = "ORDER BY destruction, id LIMIT %s"
OWNER = "owner = %s"
KIND = "kind = %s"
PHASES = "phase = ANY(%s)"
PHASE = "phase = %s"
WITHOUT = "phase <> %s"
# What is run outside is never ready; the literal is that of a partial index.
READY = "not_before <= %s AND number IS NULL"
AFTER = "created > %s"
DUE = "destruction IS NOT NULL AND destruction <= %s"
# With the literals of the partial indexes: what is archived waits long to be purged.
DUE_TO_ARCHIVE = f"{DUE} AND phase <> 'ARCHIVED'"
DUE_TO_PURGE = f"{DUE} AND phase = 'ARCHIVED'"
# The literals are those of the partial indexes.
RUN_ID = "run_id = %s AND run_id <> ''"
ERROR = "error = %s AND error <> ''"
OF_RUN = "id IN (SELECT job FROM job_run WHERE run = %s)"
WITH_PARAMETER = "id IN (SELECT job FROM job_parameter WHERE term = %s)"
BEFORE = "(created, id) < (%s, %s)"
BEHIND = "(created, id) > (%s, %s)"
