"""The SQL of the numbers of jobs, by name."""

from collections.abc import Sequence

# A trigger moves the counter on.
ALLOCATE = (
    "UPDATE job SET number = (SELECT last + 1 FROM job_number_counter WHERE id = 1)"
    " WHERE id = ? RETURNING number"
)
FIND = "SELECT number, record FROM job WHERE number = ? AND phase <> 'ARCHIVED'"

# Names by leaps through the index: one step a name, however many jobs there are.
SERVICES = (
    "WITH RECURSIVE name (found) AS ("
    " SELECT min(kind) FROM job WHERE number IS NOT NULL"
    " UNION ALL SELECT ("
    "  SELECT min(kind) FROM job WHERE number IS NOT NULL AND kind > name.found"
    " ) FROM name WHERE name.found IS NOT NULL)"
    " SELECT found FROM name WHERE found IS NOT NULL"
)
OWNERS = (
    "WITH RECURSIVE name (found) AS ("
    " SELECT min(owner) FROM job WHERE number IS NOT NULL AND kind = :service"
    " UNION ALL SELECT ("
    "  SELECT min(owner) FROM job"
    "  WHERE number IS NOT NULL AND kind = :service AND owner > name.found"
    " ) FROM name WHERE name.found IS NOT NULL)"
    " SELECT found FROM name WHERE found IS NOT NULL"
)
LIVES = (
    "SELECT 1 FROM job WHERE number IS NOT NULL AND kind = ? AND owner = ?"
    " AND phase <> 'ARCHIVED' LIMIT 1"
)

_SELECT = "SELECT number, record, created, seq FROM job"
# Both grow together: numbers are given in the transaction that makes the row.
_NEWEST = "ORDER BY created DESC, seq DESC LIMIT :limit OFFSET :skip"
_OLDEST = "ORDER BY created, seq LIMIT :limit OFFSET :skip"
_NUMBERED = "number IS NOT NULL"
_NOT_ARCHIVED = "+phase <> 'ARCHIVED'"
SINCE = "created > :since"
BEGIN = (
    "created <= :begin_created"
    " AND (created < :begin_created OR number <= :begin_number)"
)
NEWER = (
    "created >= :newer_created AND (created > :newer_created OR number > :newer_number)"
)


def kind(place: int) -> str:
    """Return the condition for the service bound as ``:kind0`` and on."""
    return f"kind = :kind{place}"


def owner(place: int) -> str:
    """Return the condition for the owner bound as ``:owner0`` and on."""
    return f"owner = :owner{place}"


def phase(place: int) -> str:
    """Return the condition for the phase bound as ``:phase0`` and on."""
    return f"phase = :phase{place}"


def page(
    branches: Sequence[Sequence[str]], conditions: Sequence[str], *, oldest_first: bool
) -> str:
    """Return a query that merges branches, each read from an index in order."""
    parts = []
    for branch in branches:
        every = " AND ".join([_NUMBERED, _NOT_ARCHIVED, *branch, *conditions])
        parts.append(f"{_SELECT} WHERE {every}")
    order = _OLDEST if oldest_first else _NEWEST
    return " ".join([" UNION ALL ".join(parts), order])
