"""Products as JSON."""

from typing import Any

from quire.products.product import Product


def product_json(made: Product, *, stale: bool = False) -> dict[str, Any]:
    """Return a product; `made` is Unix seconds, `size` bytes.

    Parameters
    ----------
    stale
        Whether its runs have got documents since they were read.
    """
    here = f"/api/v1/products/{made.id}"
    links = {"file": f"{here}/file", "manifest": f"{here}/manifest"}
    fields = {name: getattr(made, name) for name in made.__struct_fields__}
    return {**fields, "stale": stale, "links": links}
