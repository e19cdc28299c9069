"""Whom we trust to be the server that an https address names."""

import ssl


def certificates() -> ssl.SSLContext:
    """Return what the machine's own store vouches for, and that of certifi.

    Sites have authorities of their own in the first; some Pythons find only the
    second. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` stand for both, as with OpenSSL.
    """
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
