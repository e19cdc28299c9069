"""What is wrong with one document, run, product or job, in plain words."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from quire.actions.intake import as_document
from quire.actions.rebuilding import UNREADABLE, Unfit, differences, refolded
from quire.documents.identity import keys_of_rows
from quire.jobs.job import Job
from quire.ports.document_records import StoredDocument
from quire.ports.store import Transaction
from quire.products.product import Product
from quire.runs.run import Run

_CHUNK = 2**20
_LONGEST = 60

Verify = Callable[[Path, Path], tuple[str, ...]]
"""What is wrong with a product, by its file and its manifest."""


def document_faults(stored: StoredDocument) -> Iterator[str]:
    """Tell whether a document can be read, and is found again by its rows."""
    try:
        document = as_document(stored)
        keys = keys_of_rows([document])[0]
    except Exception as error:  # noqa: BLE001  # whatever damage makes of it
        yield f"cannot be read: {type(error).__name__}: {error}"
        return
    if keys != stored.keys:
        yield "is not known by the uids of its rows"
    if any(not 0 <= place < len(keys) for place in stored.repeated):
        yield "has fewer rows than are marked as repeated"


def run_faults(tx: Transaction, uid: str) -> Iterator[str]:
    """Tell whether a run is as its documents say."""
    try:
        stored = tx.runs.get(uid)
    except UNREADABLE as error:
        yield f"its record cannot be read: {error}"
        return
    if stored is None:
        yield "has documents but no record; quire rebuild makes it"
        return
    folded = refolded(tx, stored)
    if isinstance(folded, Unfit):
        yield folded.reason
        return
    for field in differences(stored, folded):
        was, now = _shown(stored, field), _shown(folded, field)
        yield f"{field} is {was}, by its documents {now}; quire rebuild mends it"


def product_faults(
    product: Product, folder: Path, verify: Verify | None
) -> Iterator[str]:
    """Tell whether the files of a product are there, with their sizes.

    Parameters
    ----------
    verify
        Compares the file with its manifest; None to trust the size.
    """
    if product.removed is not None:
        return
    file, manifest = folder / product.file, folder / product.manifest
    there = True
    for path, named in ((file, product.file), (manifest, product.manifest)):
        if not path.is_file():
            there = False
            yield f"MISSING: {named}"
    if not file.is_file():
        return
    size = file.stat().st_size
    if size != product.size:
        yield f"{product.file} has {size} bytes, published were {product.size}"
    elif verify is not None and there:
        for problem in verify(file, manifest):
            yield f"{product.file}: {problem}"


def job_faults(job: Job, folder: Path, *, hashes: bool) -> Iterator[str]:
    """Tell whether the files of a job's results are there, with their sizes."""
    for result in job.results:
        path = folder / result.path
        if not path.is_file():
            yield f"MISSING: {result.path}"
            continue
        size = path.stat().st_size
        if 0 <= result.size != size:
            yield f"{result.path} has {size} bytes, made were {result.size}"
        elif hashes and result.sha256 and _sha256(path) != result.sha256:
            yield f"{result.path} is not what was made: its SHA-256 differs"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _shown(run: Run, field: str) -> str:
    value = getattr(run, field)
    text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
