"""The files that the outcome of an attempt names."""

from quire.jobs.job import Completed


def sizes(outcome: Completed) -> dict[str, int]:
    """Return the bytes of the files that an outcome names, -1 where it does not say.

    Their paths are relative to the data folder.
    """
    found = {result.path: result.size for result in outcome.results}
    product = outcome.product
    if product is not None:
        found[product.part] = product.size
        for path in (product.manifest, *product.beside.values()):
            found[path] = -1
    return found
