"""One document, as it was received."""

from typing import Any

import msgspec

from quire.documents.names import DocumentName


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One Bluesky document with its exact bytes.

    Attributes
    ----------
    name
        Which of the twelve it is.
    body
        The parsed value. NaN, infinities and integers of any size are kept.
    raw
        The bytes of the JSON object itself, exactly as received.
    original
        Of a document that was upgraded from an older spelling: the text of the item
        ``[name, document]`` that it was. Empty for all others.
    sound
        Whether its reading has found that the schema has nothing against it.
    """

    name: DocumentName
    body: dict[str, Any]
    raw: bytes
    original: bytes = b""
    sound: bool = False


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a received item is refused.

    Attributes
    ----------
    index
        Place of the item in what was sent, from 0.
    name, uid
        As far as they could be read, else empty.
    field
        JSON Pointer (RFC 6901) into the document; empty for the whole of it.
    reason
        What is wrong, in words that name the value and the rule.
    """

    index: int
    name: str
    uid: str
    field: str
    reason: str
