"""The SQL of the numbers of jobs, by name."""

from collections.abc import Sequence

# Whoever changes the counter holds its row until the commit.
ALLOCATE = (
    "WITH given AS ("
    " UPDATE job_number_counter SET last = last + 1 WHERE id = 1 RETURNING last)"
    " UPDATE job SET number = given.last FROM given WHERE job.id = %s RETURNING number"
)
FIND = "SELECT number, record, id FROM job WHERE number = %s AND phase <> 'ARCHIVED'"

# Names by leaps through the index: one step a name, however many jobs there are.
SERVICES = (
    "WITH RECURSIVE name (found) AS ("
    " (SELECT kind FROM job WHERE number IS NOT NULL ORDER BY kind LIMIT 1)"
    " UNION ALL SELECT ("
    "  SELECT kind FROM job WHERE number IS NOT NULL AND kind > name.found"
    "  ORDER BY kind LIMIT 1"
    " ) FROM name WHERE name.found IS NOT NULL)"
    " SELECT found FROM name WHERE found IS NOT NULL"
)
OWNERS = (
    "WITH RECURSIVE name (found) AS ("
    " (SELECT owner FROM job WHERE number IS NOT NULL AND kind = %s"
    "  ORDER BY owner LIMIT 1)"
    " UNION ALL SELECT ("
    "  SELECT owner FROM job"
    "  WHERE number IS NOT NULL AND kind = %s AND owner > name.found"
    "  ORDER BY owner LIMIT 1"
    " ) FROM name WHERE name.found IS NOT NULL)"
    " SELECT found FROM name WHERE found IS NOT NULL"
)
LIVES = (
    "SELECT 1 FROM job WHERE number IS NOT NULL AND kind = %s AND owner = %s"
    " AND phase <> 'ARCHIVED' LIMIT 1"
)

KIND = "kind = %s"
OWNER = "owner = %s"
PHASE = "phase = %s"
SINCE = "created > %s"
BEGIN = "(created, number) <= (%s, %s)"
NEWER = "(created, number) > (%s, %s)"

_SELECT = "SELECT number, record, created FROM job"
_NEWEST = "ORDER BY created DESC, number DESC LIMIT %s"
_OLDEST = "ORDER BY created, number LIMIT %s"
_NUMBERED = "number IS NOT NULL AND phase <> 'ARCHIVED'"


def page(branches: Sequence[Sequence[str]], *, oldest_first: bool) -> str:
    """Return a query that merges branches, each read from an index in order.

    Its values are those of each branch with the most that it may yield, and then the
    limit and how many to skip.
    """
    order = _OLDEST if oldest_first else _NEWEST
    parts = []
    for branch in branches:
        every = " AND ".join([_NUMBERED, *branch])
        parts.append(f"({_SELECT} WHERE {every} {order})")
    merged = " UNION ALL ".join(parts)
    return f"SELECT number, record FROM ({merged}) AS every {order} OFFSET %s"  # noqa: S608  # parts of ours
