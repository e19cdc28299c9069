"""What importing an archive changed."""

from collections.abc import Iterator

from quire.documents.document import Document
from quire.documents.identity import identity
from quire.documents.legacy import changes_of
from quire.runs.run import Finding, Severity


def legacy(document: Document) -> Iterator[Finding]:
    """Tell what was changed of an older spelling (``documents.md``, 3.9)."""
    uid = identity(document)
    for change in changes_of(document):
        yield Finding(rule="legacy", uid=uid, message=change, severity=Severity.NOTE)
