"""Whom we trust to be the server that an https address names."""

import http.client
import os
import ssl
from urllib.parse import urlsplit

from quire.errors import InputError

_FILE = "SSL_CERT_FILE"


def certificates() -> ssl.SSLContext:
    """Return what the machine's own store vouches for, and that of certifi.

    Sites have authorities of their own in the first; some Pythons find only the
    second. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` stand for both, as with OpenSSL.

    Raises
    ------
    InputError
        What ``SSL_CERT_FILE`` names cannot be read, or holds no certificates.
    """
    import httpx

    try:
        context = httpx.create_ssl_context()
        context.load_default_certs()
    except OSError as error:
        if not (file := os.environ.get(_FILE)):
            raise
        reason = f"{file}: {error.strerror or error}"
        raise InputError(_FILE, reason, "name a file of certificates, PEM") from error
    return context


def verified(url: str) -> ssl.SSLContext | bool:
    """Return httpx's `verify` for an address that sends on to no other.

    Loading the certificates takes its time.
    """
    return url.lower().startswith("https:") and certificates()


def line_to(url: str, timeout: float) -> http.client.HTTPConnection:
    """Return a connection to where an address leads, not yet open.

    Parameters
    ----------
    timeout
        Seconds of silence.
    """
    parts = urlsplit(url)
    where = parts.hostname or "", parts.port
    if parts.scheme == "https":
        trusted = certificates()
        return http.client.HTTPSConnection(*where, timeout=timeout, context=trusted)
    return http.client.HTTPConnection(*where, timeout=timeout)
