"""Whether a run may be shown to somebody."""

from quire.access.principals import Principal
from quire.access.visibility import admits, audience, keys_of
from quire.runs.run import Run


def may_see(principal: Principal, run: Run) -> bool:
    """Return whether a run may be shown to a principal."""
    keys = keys_of(principal)
    return keys is None or admits(audience(run.owner, run.start_document()), keys)
