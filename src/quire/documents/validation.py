"""Documents against event-model's JSON schemas (Draft 2020-12)."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from quire.documents.document import Document, Fault
from quire.documents.identity import identity
from quire.documents.names import DocumentName
from quire.documents.pointer import pointer, showable
from quire.documents.schemas import schema
from quire.documents.violations import Violation, violation


class Validator:
    """Refuses what event-model's schemas refuse, and says where and why.

    A number that is not finite is refused wherever a schema asks for a type or a
    value, and is welcome where it does not, as in data. A schema is compiled when a
    document of its name first comes.
    """

    def __init__(self) -> None:
        self._compiled: dict[DocumentName, jsonschema_rs.Validator] = {}

    def fault(self, document: Document, index: int) -> Fault | None:
        """Return why the document is refused, None if it is not.

        Parameters
        ----------
        index
            Its place in what was sent, from 0.
        """
        found = self._violation(document)
        if found is None:
            return None
        path, reason = found
        return Fault(
            index=index,
            name=document.name.value,
            uid=showable(identity(document)),
            field=showable(pointer(path)),
            reason=showable(reason),
        )

    def _violation(self, document: Document) -> Violation | None:
        check = self._check(document.name)
        body = document.body
        if not check.is_valid(body):
            return violation(check.iter_errors(body), body)
        if document.name is DocumentName.BULK_EVENTS:
            return _hidden_key(body)
        return None

    def _check(self, name: DocumentName) -> jsonschema_rs.Validator:
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = jsonschema_rs.validator_for(schema(name))
            self._compiled[name] = compiled
        return compiled


def _hidden_key(body: Mapping[str, Any]) -> Violation | None:
    """Return a key whose content the pattern ``^.*$`` does not reach."""
    for key in body:
        if "\n" in key:
            return (key,), f"{key!r}: a line break may not stand in a key"
    return None
