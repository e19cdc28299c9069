"""Building XML: elements by qualified name, and only characters that XML has."""

import re
from typing import Any

UWS = "http://www.ivoa.net/xml/UWS/v1.0"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAMESPACES = {"uws": UWS, "xlink": XLINK, "xsi": XSI}
MEDIA_TYPE = "application/xml"

# XML 1.0, section 2.2; a carriage return would come back as a line feed.
_ILLEGAL = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def library() -> Any:
    """Return lxml's etree, loaded when it is first needed."""
    from lxml import etree  # type: ignore[import-untyped]

    return etree


def is_legal(text: str) -> bool:
    """Return whether XML can hold the text as it is."""
    return _ILLEGAL.search(text) is None


def legal(text: str) -> str:
    """Return the text with what XML cannot hold replaced by U+FFFD."""
    return _ILLEGAL.sub("\ufffd", text)


def root(name: str, **attributes: str) -> Any:
    """Return a root element in UWS's namespace."""
    return library().Element(f"{{{UWS}}}{name}", attributes, nsmap=NAMESPACES)


def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    """Append an element in UWS's namespace; attributes by plain names."""
    element = library().SubElement(parent, f"{{{UWS}}}{name}", attributes)
    if text is not None:
        element.text = legal(text)
    return element


def add_nillable(parent: Any, name: str, text: str | None) -> None:
    """Append an element, nil where there is no text."""
    element = add(parent, name, text)
    if text is None:
        element.set(f"{{{XSI}}}nil", "true")


def link(element: Any, address: str) -> None:
    """Give an element its address."""
    element.set(f"{{{XLINK}}}type", "simple")
    element.set(f"{{{XLINK}}}href", legal(address))


def to_bytes(element: Any) -> bytes:
    """Return a document."""
    written: bytes = library().tostring(
        element, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    return written
