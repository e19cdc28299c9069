"""The record of a published product."""

from collections.abc import Iterable, Mapping

import msgspec


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """That a product was taken away.

    Attributes
    ----------
    by
        Who did it.
    at
        Unix seconds.
    """

    by: str
    at: float
    reason: str = ""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a job published, with its manifest.

    Attributes
    ----------
    id
        The id of the job that made it.
    runs
        uids of the runs that it was made from.
    file, manifest
        Where they lie, relative to the data folder.
    size
        Bytes of the file.
    sha256
        Hash of the file, hexadecimal.
    made
        Unix seconds of its publication.
    documents
        How many documents each of the runs had when it was read, where that is told.
    removed
        None while its files are there.
    """

    id: str
    kind: str
    owner: str
    runs: tuple[str, ...]
    file: str
    manifest: str
    size: int
    sha256: str
    mime_type: str
    made: float
    documents: dict[str, int] = {}
    removed: Removal | None = None


def unless_removed(product: Product | None) -> Product | None:
    """Return a product; None if it was taken away."""
    return None if product is None or product.removed is not None else product


def stale_among(
    products: Iterable[Product], documents: Mapping[str, int]
) -> frozenset[str]:
    """Return the ids of the products that late documents have overtaken.

    Parameters
    ----------
    documents
        How many each run has now.
    """
    several = tuple(products)
    fresh = {
        one.file
        for one in several
        if all(documents.get(uid, had) == had for uid, had in one.documents.items())
    }
    return frozenset(one.id for one in several if one.file not in fresh)
