"""All SQL about runs but the schema, by name."""

from collections.abc import Sequence
from typing import NamedTuple

from quire.storage.postgres.sql import OF_RUN

GET = "SELECT record FROM run WHERE uid = %s"
STANDING = (
    "SELECT r.id, r.facts, l.until, v.facets, v.access, r.record,"  # noqa: S608
    " h.first, h.last, h.highest, h.final,"
    f" (SELECT count(*) FROM block WHERE {OF_RUN} AND id > %(block)s)"
    f" + (SELECT count(*) FROM adopted WHERE {OF_RUN} AND id > %(adopted)s)"
    " FROM run AS r JOIN run_view AS v ON v.run = r.id"
    " LEFT JOIN run_lease AS l ON l.run = r.id"
    " LEFT JOIN progress_head AS h ON h.operation = r.uid WHERE r.uid = %(key)s"
)
INSERT = (
    "WITH made AS (INSERT INTO run (uid, events, facts, record)"
    " VALUES (%(uid)s, %(events)s, %(facts)s, %(record)s) RETURNING id),"
    " viewed AS (INSERT INTO run_view (run, newest, experiment, number, access,"
    " scan_id, uid, facets, terms, view) SELECT id, %(newest)s, %(experiment)s,"
    " %(number)s, %(access)s, %(scan_id)s::numeric, %(uid)s, %(facets)s,"
    " %(terms)s::bigint[], %(view)s::text::jsonb FROM made),"
    " leased AS (INSERT INTO run_lease (run, until) SELECT id,"
    " %(until)s::double precision FROM made"
    " WHERE %(until)s::double precision IS NOT NULL),"
    " counted AS (INSERT INTO facet_change (field, value, access, runs)"
    " SELECT * FROM unnest(%(fields)s::text[], %(values)s::text[],"
    " %(lists)s::integer[], %(changes)s::bigint[])) SELECT id FROM made"
)
UPDATE = (
    "WITH grown AS (UPDATE run SET events = %(events)s, facts = %(facts)s,"
    " record = %(record)s WHERE id = %(id)s),"
    " counted AS (INSERT INTO facet_change (field, value, access, runs)"
    " SELECT * FROM unnest(%(fields)s::text[], %(values)s::text[],"
    " %(lists)s::integer[], %(changes)s::bigint[]))"
    " UPDATE run_view SET newest = %(newest)s, experiment = %(experiment)s,"
    " number = %(number)s, access = %(access)s, scan_id = %(scan_id)s::numeric,"
    " facets = %(facets)s, terms = %(terms)s::bigint[],"
    " view = %(view)s::text::jsonb WHERE run = %(id)s"
)
NEW_NUMBERS = (
    "SELECT nextval(pg_get_serial_sequence('run', 'id')) FROM generate_series(1, %s)"
)
GROW = "UPDATE run SET events = %s, record = %s WHERE id = %s"
LEASE_PUT = (
    "INSERT INTO run_lease (run, until) VALUES (%s, %s)"
    " ON CONFLICT (run) DO UPDATE SET until = excluded.until"
)
LEASE_REMOVE = "DELETE FROM run_lease WHERE run = %s"

ACCESS_GET = "SELECT id, pg_current_xact_id()::text FROM access_list WHERE digest = %s"
ACCESS_PUT = (
    "INSERT INTO access_list (digest, members) VALUES (%s, %s::bytea[])"
    " ON CONFLICT (digest) DO NOTHING"
    " RETURNING id, pg_current_xact_id()::text"
)
ACCESS_ADMITTING = "SELECT id FROM access_list WHERE members && %s::bytea[] ORDER BY id"

FACET_CHANGE = (
    "INSERT INTO facet_change (field, value, access, runs)"
    " SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[])"
)
FACET_FOLD = (
    "WITH gone AS (DELETE FROM facet_change WHERE id IN (SELECT id FROM facet_change"
    " ORDER BY id LIMIT %s) RETURNING access, field, value, runs),"
    " summed AS (SELECT access, field, value, sum(runs)::bigint AS runs FROM gone"
    " GROUP BY access, field, value UNION ALL SELECT 0, field, value,"
    " sum(runs)::bigint FROM gone GROUP BY field, value),"
    " added AS (INSERT INTO facet AS f (access, field, value, runs)"
    " SELECT access, field, value, runs FROM summed WHERE runs <> 0"
    " ON CONFLICT (access, field, value) DO UPDATE SET runs = f.runs + excluded.runs)"
    " SELECT (SELECT count(*) FROM gone), array_agg(access) FILTER (WHERE runs < 0),"
    " array_agg(field) FILTER (WHERE runs < 0),"
    " array_agg(value) FILTER (WHERE runs < 0) FROM summed"
)
FACET_EMPTY = (
    "DELETE FROM facet AS f USING unnest(%s::integer[], %s::text[], %s::text[])"
    " AS less (access, field, value) WHERE f.access = less.access"
    " AND f.field = less.field AND f.value = less.value AND f.runs = 0"
)
FACET_VALUES = (
    "SELECT field, value, runs FROM (SELECT field, value, sum(runs)::bigint AS runs,"
    " row_number() OVER (PARTITION BY field ORDER BY sum(runs) DESC, value) AS place"
    " FROM (SELECT field, value, runs FROM facet"
    " WHERE access = ANY(%(kept)s::integer[]) AND field = ANY(%(fields)s::text[])"
    " UNION ALL SELECT field, value, runs FROM facet_change"
    " WHERE field = ANY(%(fields)s::text[])"
    " AND (%(every)s OR access = ANY(%(lists)s::integer[]))) AS counted"
    " GROUP BY field, value HAVING sum(runs) > 0) AS ranked"
    " WHERE place <= %(limit)s ORDER BY field, place"
)

FIELD_LISTED = "SELECT path, below IS NULL FROM field_index ORDER BY path"
FIELD_ALL = "SELECT field, path FROM field_index ORDER BY path"
FIELD_READY = "SELECT field, path FROM field_index WHERE below IS NULL"
FIELD_UNFILLED = (
    "SELECT field, path, below FROM field_index WHERE below IS NOT NULL ORDER BY field"
)
FIELD_FILLED = "UPDATE field_index SET below = %s WHERE field = %s"
FIELD_ADD = (
    "INSERT INTO field_index (path, below) VALUES (%s, 9223372036854775807)"
    " ON CONFLICT (path) DO NOTHING"
)
FIELD_REMOVE = "DELETE FROM field_index WHERE path = %s RETURNING field"
FIELD_VALUES_DROP = "DELETE FROM field_value WHERE field = %s"
FIELD_VALUES_REMOVE = "DELETE FROM field_value WHERE run = %s"
FIELD_VALUES_PUT = (
    "INSERT INTO field_value (field, run, number, text) SELECT * FROM"
    " unnest(%s::integer[], %s::bigint[], %s::numeric[], %s::text[])"
)
FIELD_HOLDERS_REMOVE = "DELETE FROM field_value WHERE field = %s AND run = ANY(%s)"
BELOW = "SELECT id, record FROM run WHERE id < %s ORDER BY id DESC LIMIT %s"
BY_IDS = "SELECT id, record FROM run WHERE id = ANY(%s)"

DESCRIBED = "SELECT version, below FROM run_described"
DESCRIBE_AS = (
    "INSERT INTO run_described (id, version, below) VALUES (1, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
    " below = excluded.below"
)
DESCRIBED_DOWN_TO = "UPDATE run_described SET below = %s"
ANY_RUN = "SELECT id FROM run LIMIT 1"
# What waits in the list of the inverted index is merged by its owner alone.
MERGE_TERMS = (
    "SELECT gin_clean_pending_list(c.oid) FROM pg_class AS c"
    " WHERE c.oid = 'run_view_terms'::regclass AND pg_has_role(c.relowner, 'USAGE')"
)

# The planner does not know that searches want few rows of many, from warm pages.
SETTINGS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true),"
    " set_config('random_page_cost', '1.1', true),"
    " set_config('work_mem', '32MB', true),"
    # Rows that lie anywhere are fetched side by side, where the server's system can.
    " CASE WHEN version() LIKE '%%linux%%'"
    " THEN set_config('effective_io_concurrency', '100', true) END"
)
UNLIMITED = "SELECT set_config('statement_timeout', '0', true)"

PREFIX = "v.run IN (SELECT p.id FROM run AS p WHERE p.uid >= {low} AND p.uid < {high})"
PREFIX_TO_END = "v.run IN (SELECT p.id FROM run AS p WHERE p.uid >= {low})"
LAPSED = "v.run IN (SELECT l.run FROM run_lease AS l WHERE l.until < {at})"
# Experiment by experiment: to have them from the index would meet every run.
EXPERIMENTS = (
    "WITH RECURSIVE each (experiment) AS ((SELECT v.experiment FROM run_view AS v"
    " WHERE v.experiment >= %(low)s::bigint ORDER BY v.experiment LIMIT 1)"
    " UNION ALL SELECT (SELECT v.experiment FROM run_view AS v"
    " WHERE v.experiment > each.experiment ORDER BY v.experiment LIMIT 1) FROM each"
    " WHERE each.experiment IS NOT NULL)"
    " SELECT experiment FROM each WHERE experiment <= %(high)s::bigint LIMIT %(most)s"
)
BY_FIELD = "v.run IN (SELECT f.run FROM field_value AS f WHERE {where})"

_KEYS = "v.run, v.newest, v.experiment, v.number, v.uid"


def counted(conditions: Sequence[str], most: str) -> str:
    """Return a query that counts rows, up to so many."""
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM run_view AS v WHERE {_all(conditions)}"  # noqa: S608
        f" LIMIT {most}) AS found"
    )


def any_of(sides: Sequence[Sequence[str]]) -> str:
    """Return the condition of runs that fulfil the conditions of any side."""
    queries = " UNION ALL ".join(
        f"SELECT v.run FROM run_view AS v WHERE {_all(conditions)}"  # noqa: S608
        for conditions in sides
    )
    return f"v.run IN ({queries})" if queries else "false"


EVENTS = "(SELECT r.events::numeric FROM run AS r WHERE r.id = v.run)"


def values_of(conditions: Sequence[str], held: str, most: str) -> str:
    """Return a query for the values of an expression, and how many rows have each.

    Parameters
    ----------
    held
        SQL of a JSON value or an array of such, on ``run_view AS v``.
    """
    return (
        f"SELECT e.value::text, count(*) FROM (SELECT {held}"  # noqa: S608
        f" AS held FROM run_view AS v WHERE {_all(conditions)}) AS m,"
        " jsonb_array_elements(CASE jsonb_typeof(m.held) WHEN 'array' THEN m.held"
        " ELSE jsonb_build_array(m.held) END) AS e (value)"
        " WHERE m.held IS NOT NULL GROUP BY e.value"
        ' ORDER BY 2 DESC, jsonb_typeof(e.value), e.value::text COLLATE "C"'
        f" LIMIT {most}"
    )


def estimate(conditions: Sequence[str]) -> str:
    """Return a query for how many rows the planner expects."""
    return f"EXPLAIN (FORMAT JSON) SELECT 1 FROM run_view AS v WHERE {_all(conditions)}"  # noqa: S608


class Ending(NamedTuple):
    """What ends a query for a page.

    Attributes
    ----------
    order
        What stands behind ORDER BY.
    check
        What each row of the page is asked once more.
    """

    order: str
    limit: str
    check: str


def gathered(conditions: Sequence[str], ending: Ending) -> str:
    """Return a query that gathers all rows before it puts them in order.

    Without MATERIALIZED the planner would rather walk all runs in that order, in the
    hope of soon having met enough.
    """
    hits = f"SELECT {_KEYS} FROM run_view AS v WHERE {_all(conditions)}"  # noqa: S608
    page = f"SELECT v.* FROM hits AS v {_cut(ending)}"  # noqa: S608
    return f"WITH hits AS MATERIALIZED ({hits}), page AS ({page}) {_records(ending)}"


def walked(conditions: Sequence[str], ending: Ending) -> str:
    """Return a query that walks rows in order until it has enough."""
    met = f"FROM run_view AS v WHERE {_all(conditions)}"
    return f"WITH page AS (SELECT {_KEYS} {met} {_cut(ending)}) {_records(ending)}"


def looked(
    bounds: Sequence[str], conditions: Sequence[str], ending: Ending, most: int
) -> str:
    """Return a query that looks at so many rows in order, and no further."""
    first = (
        f"SELECT v.* FROM run_view AS v WHERE {_all(bounds)}"  # noqa: S608
        f" ORDER BY {ending.order} LIMIT {most}"
    )
    met = f"FROM ({first}) AS v WHERE {_all(conditions)}"
    return f"WITH page AS (SELECT {_KEYS} {met} {_cut(ending)}) {_records(ending)}"


def _cut(ending: Ending) -> str:
    return f"ORDER BY {ending.order} LIMIT {ending.limit}"


def _records(ending: Ending) -> str:
    if not ending.check:
        shown, beside = "true", ""
    else:
        shown, beside = ending.check, "JOIN run_view AS v ON v.run = p.run"
    order = ending.order.replace("v.", "p.")
    return (
        f"SELECT r.record, {shown} FROM page AS p JOIN run AS r ON r.id = p.run"  # noqa: S608
        f" {beside} ORDER BY {order}"
    )


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions) or "true"
