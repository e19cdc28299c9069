"""IVOA Universal Worker Service 1.1 (``https://www.ivoa.net/documents/UWS``)."""
