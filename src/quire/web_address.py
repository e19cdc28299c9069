"""Addresses of web servers, as people write them in settings and calls."""

from urllib.parse import SplitResult, urlsplit


def web_address(text: str) -> SplitResult | None:
    """Return the parts of an address that can be asked over HTTP; None if it is none."""
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        return None
    plain = text.isprintable() and " " not in text
    return parts if whole and plain and parts.scheme in {"http", "https"} else None
