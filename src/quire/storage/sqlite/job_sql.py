"""The SQL of jobs, by name."""

GET = "SELECT record FROM job WHERE id = ?"
PUT = (
    "INSERT INTO job (id, phase, kind, owner, created, not_before, run_id, error,"
    " destruction, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET"
    " phase = excluded.phase, kind = excluded.kind, owner = excluded.owner,"
    " created = excluded.created, not_before = excluded.not_before,"
    " run_id = excluded.run_id, error = excluded.error,"
    " destruction = excluded.destruction, record = excluded.record"
)
REMOVE = "DELETE FROM job WHERE id = ?"
_RUNS_PUT = "INSERT OR IGNORE INTO job_run (run, job) VALUES "
RUN_REMOVE = "DELETE FROM job_run WHERE run = ? AND job = ?"
_TERMS_PUT = "INSERT OR IGNORE INTO job_parameter (name, value, job) VALUES "
TERM_REMOVE = "DELETE FROM job_parameter WHERE name = ? AND value = ? AND job = ?"
RESERVE = "INSERT OR IGNORE INTO reservation (space, name, job) VALUES (?, ?, ?)"
RESERVED = "SELECT job FROM reservation WHERE space = ? AND name = ?"

PAGE = "SELECT record FROM job"
NEWEST = "ORDER BY created DESC, uid_text(id) DESC LIMIT :limit"
OLDEST = "ORDER BY created, uid_text(id) LIMIT :limit"
# By the index alone: of what comes due at once, all would have to be sorted.
DUE_FIRST = "ORDER BY destruction LIMIT :limit"
OWNER = "owner = :owner"
KIND = "kind = :kind"
# A plus sign keeps a condition that nearly every job fulfils from choosing an index.
WITHOUT = "+phase <> :without"
# What is run outside is never ready; the literal is that of a partial index.
READY = "not_before <= :ready_at AND number IS NULL"
AFTER = "created > :after"
DUE = "destruction <= :due_at"
# With the literals of the partial indexes: what is archived waits long to be purged.
DUE_TO_ARCHIVE = f"{DUE} AND phase <> 'ARCHIVED'"
DUE_TO_PURGE = f"{DUE} AND phase = 'ARCHIVED'"
# The literals are those of the partial indexes.
RUN_ID = "run_id = :run_id AND run_id <> ''"
ERROR = "error = :error AND error <> ''"
OF_RUN = "id IN (SELECT job FROM job_run WHERE run = :run)"
# The number sign stands for the place of the parameter among those asked for.
WITH_PARAMETER = (
    "id IN (SELECT job FROM job_parameter WHERE name = :name# AND value = :value#)"
)
BEFORE = "created <= :created AND (created < :created OR uid_text(id) < :id)"
BEHIND = "created >= :created AND (created > :created OR uid_text(id) > :id)"


def phases(count: int) -> str:
    """Return the condition for any of so many phases, named ``:phase0`` and on."""
    places = ", ".join(":phase" + str(place) for place in range(count))
    return "phase IN (" + places + ")"


def runs_put(count: int) -> str:
    """Return what puts so many rows of runs."""
    return _RUNS_PUT + ", ".join(["(?, ?)"] * count)


def terms_put(count: int) -> str:
    """Return what puts so many rows of parameters."""
    return _TERMS_PUT + ", ".join(["(?, ?, ?)"] * count)


def with_parameter(place: int) -> str:
    """Return the condition for a parameter, bound as ``:name0``, ``:value0`` and on."""
    return WITH_PARAMETER.replace("#", str(place))
