"""The fold, where a document that cannot be folded must not hold up its writer."""

from collections.abc import Collection, Iterator, Sequence

from quire.documents.batch import EventBatch
from quire.documents.document import Document
from quire.documents.identity import identity
from quire.documents.names import DocumentName
from quire.documents.pointer import showable
from quire.runs.bulks import Bulks, no_bulks
from quire.runs.findings import settled
from quire.runs.fold import Known, fold, fold_all, none_known
from quire.runs.next_event import with_next_event
from quire.runs.run import Finding, Run


def fold_carefully(
    run: Run,
    documents: Sequence[tuple[Document | EventBatch, Collection[int]]],
    *,
    known: Known = none_known,
    bulks: Bulks = no_bulks,
) -> Run:
    """Return what `fold_all` does; a document that defeats it is only told of.

    Such a document is stored like any other: the finding `unfoldable` names it, and
    `quire rebuild` folds it once the defect is mended.
    """
    try:
        return _with_next_event(run, documents) or fold_all(
            run, documents, known=known, bulks=bulks
        )
    except Exception:  # noqa: BLE001  # which one is at fault is found below
        for document, repeated in _each(documents):
            try:
                run = fold(run, document, repeated, known=known, bulks=bulks)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is told
                run = settled(run, [_unfoldable(document, error)])
    return run


def _with_next_event(
    run: Run, documents: Sequence[tuple[Document | EventBatch, Collection[int]]]
) -> Run | None:
    if len(documents) != 1:
        return None
    document, repeated = documents[0]
    if isinstance(document, EventBatch) or document.name is not DocumentName.EVENT:
        return None
    if repeated or document.original:
        return None
    return with_next_event(run, document.body)


def _each(
    documents: Sequence[tuple[Document | EventBatch, Collection[int]]],
) -> Iterator[tuple[Document, Collection[int]]]:
    for document, repeated in documents:
        if isinstance(document, EventBatch):
            yield from ((one, ()) for one in document.documents())
        else:
            yield document, repeated


def _unfoldable(document: Document, error: Exception) -> Finding:
    """Tell of a document that the fold has failed at: a defect of ours."""
    reason = showable(f"{type(error).__name__}: {error}")
    message = f"this {document.name.value} is stored, but left out of the run: {reason}"
    return Finding(rule="unfoldable", uid=showable(identity(document)), message=message)
