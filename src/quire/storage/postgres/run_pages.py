"""Pages of runs in order: keyset pages, read in one of three ways.

Where indexes leave few rows, these are gathered and sorted. Where they leave so many that
a page of them should be among the next thousands in order, those are looked at first.
Where nothing narrows, rows are met in order until there are enough.
"""

from collections.abc import Iterator, Sequence

from quire.ports.run_finder import RunOrder, RunPlace
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.asking import ask
from quire.storage.postgres.order_keys import OrderKey, order_key
from quire.storage.postgres.search_plans import Plan, expected
from quire.storage.postgres.session import Row, Session

_LEAST_LOOKED_AT, _MOST_LOOKED_AT = 4_000, 64_000
"""So many rows are met in order before all that indexes leave are gathered."""

_MARGIN = 4
"""So many times the rows are looked at among which a page is expected."""

_MOST_GATHERED = 200_000

_IN_MEMORY, _NEARER = 1_000_000, 4.0
"""Of more runs than the first, a row that lies anywhere costs so many in order."""


def page(
    session: Session,
    chosen: Plan,
    order: RunOrder,
    behind: RunPlace | None,
    limit: int,
) -> list[bytes]:
    """Return the records of so many runs from behind a place on."""
    if limit <= 0:
        return []
    key = order_key(order)
    bounds = list(chosen.within)
    if behind is not None:
        bounds.append(key.behind(behind, chosen.bindings))
    rows = _read(session, chosen, bounds, key, limit)
    if all(sure for _, sure in rows):
        return [record for record, _ in rows]
    # Two terms share a hash: every row that is met is to be asked, not the page alone.
    asked = (*chosen.conditions, *chosen.check)
    rows = _read(session, chosen._replace(conditions=asked), bounds, key, limit)
    return [record for record, _ in rows]


def explained(session: Session, chosen: Plan, order: RunOrder) -> list[str]:
    """Return how a first page would be read, and PostgreSQL's plans for it."""
    lines = [f"by {chosen.why}"]
    for text in _texts(session, chosen, chosen.within, order_key(order), 100):
        plan = ask(session, f"EXPLAIN {text}", chosen.bindings.values)
        lines += [str(line) for (line,) in plan]
    return lines


def _read(
    session: Session, chosen: Plan, bounds: Sequence[str], key: OrderKey, limit: int
) -> list[Row]:
    found: list[Row] = []
    for text in _texts(session, chosen, bounds, key, limit):
        found = ask(session, text, chosen.bindings.values)
        if len(found) == limit:
            break
    return found


def _texts(
    session: Session, chosen: Plan, bounds: Sequence[str], key: OrderKey, limit: int
) -> Iterator[str]:
    """Yield queries, of which the first that fills the page is the answer, or the last."""
    wanted = chosen.bindings.add(limit, "bigint")
    ending = sql.Ending(key.text(), wanted, " AND ".join(chosen.check))
    asked = [*chosen.narrow, *chosen.conditions]
    if not chosen.narrow:
        yield sql.walked([*bounds, *asked], ending)
        return
    rows, runs = expected(session, chosen)
    among = limit * runs / max(rows, 1.0)
    nearer = _NEARER if runs > _IN_MEMORY else 1.0
    if among < rows * nearer and rows < runs / 2:
        # The page should be met sooner than all that indexes leave are gathered.
        most = min(max(_LEAST_LOOKED_AT, int(_MARGIN * among)), _MOST_LOOKED_AT)
        yield sql.looked(bounds, asked, ending, most)
    gathers = rows < min(_MOST_GATHERED, runs / 5) or rows < among
    yield (sql.gathered if gathers else sql.walked)([*bounds, *asked], ending)
