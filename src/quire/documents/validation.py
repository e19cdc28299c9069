"""Validation by event-model's own schemas, compiled."""

import re
from collections.abc import Iterable
from typing import Any

import event_model
import jsonschema_rs

from quire.documents.document import Document, Fault
from quire.documents.identity import identity
from quire.documents.names import DocumentName

_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")


class Validator:
    """Holds the compiled schemas of event-model 1.24 for all twelve names."""

    def __init__(self) -> None:
        self._validators = {
            name: jsonschema_rs.validator_for(
                event_model.schemas[event_model.DocumentNames[name.value]]
            )
            for name in DocumentName
        }

    def fault(self, document: Document, index: int) -> Fault | None:
        """Return why the schema refuses a document, None if it does not.

        Parameters
        ----------
        index
            Place of the item in what was sent.
        """
        validator = self._validators[document.name]
        if validator.is_valid(document.body):
            return _newline_in_key(document, index)
        error = next(iter(validator.iter_errors(document.body)))
        path = [*error.instance_path, *_offending_key(error.message)]
        return Fault(
            index=index,
            name=document.name,
            uid=identity(document),
            field=pointer(path),
            reason=_reason(error.message, document.body, error.instance_path),
        )


def pointer(path: Iterable[str | int]) -> str:
    """Return a JSON Pointer (RFC 6901)."""
    return "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in path
    )


def _offending_key(message: str) -> list[str]:
    """Return the key that should not, or should, be there; the path stops above."""
    if message.startswith(("Additional prop", "Unevaluated prop")) or message.endswith(
        "does not match any of the regexes"
    ):
        found = _QUOTED.search(message)
        return [found[1]] if found else []
    if message.endswith("is a required property"):
        return [message.removesuffix(" is a required property").strip('"')]
    return []


def _reason(message: str, body: Any, path: Iterable[str | int]) -> str:
    value = body
    for part in path:
        value = value[part]
    # The compiled validator sees NaN and infinities as null.
    if isinstance(value, float) and value - value != 0:
        return f"{value} is not a finite number: {message}"
    return message if len(message) <= 500 else f"{message[:500]}…"  # noqa: PLR2004


def _newline_in_key(document: Document, index: int) -> Fault | None:
    """Refuse a key that only passes because `$` also matches before a newline."""
    if document.name not in {DocumentName.START, DocumentName.DESCRIPTOR}:
        return None
    for key in document.body:
        if key.endswith("\n"):
            return Fault(
                index=index,
                name=document.name,
                uid=identity(document),
                field=pointer([key]),
                reason=f"the key {key!r} ends in a newline",
            )
    return None
