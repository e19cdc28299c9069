"""Whether a run, or what was made of it, may be shown to somebody."""

from quire.access.principals import Principal
from quire.access.visibility import admits, audience, keys_of
from quire.ports.store import Transaction
from quire.products.product import Product
from quire.runs.run import Run


def may_see(principal: Principal, run: Run) -> bool:
    """Return whether a run may be shown to a principal."""
    keys = keys_of(principal)
    if keys is None or run.uid in principal.runs:
        return True
    return admits(audience(run.owner, run.start_document()), keys)


def may_see_product(tx: Transaction, principal: Principal, product: Product) -> bool:
    """Return whether a product may be shown: it is theirs, or all its runs may be."""
    if principal.can_see(product.owner):
        return True
    runs = [tx.runs.get(uid) for uid in product.runs]
    return bool(runs) and all(run and may_see(principal, run) for run in runs)
