"""The token of whoever owns the data folder."""

import contextlib
import os
import secrets
from pathlib import Path

from quire.access.tokens import SECRET_PREFIX

TOKEN_FILE = "token"  # noqa: S105


def local_token(folder: Path) -> str:
    """Return the token of the folder's owner, made at the first start.

    It outlives restarts, so that those who hold it need not ask again.
    """
    path = folder / TOKEN_FILE
    with contextlib.suppress(FileNotFoundError):
        if token := path.read_text().strip():
            return token
    token = f"{SECRET_PREFIX}{secrets.token_urlsafe(32)}"
    part = path.with_name(f".{TOKEN_FILE}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(token + "\n")
        if not _offered(part, path):  # another server was faster
            return path.read_text().strip()
    finally:
        part.unlink(missing_ok=True)
    return token


def _offered(part: Path, path: Path) -> bool:
    """Put a file in its place, whole, unless there is one that says something."""
    try:
        os.link(part, path)
    except FileExistsError:
        if path.stat().st_size:
            return False
        part.replace(path)
    except OSError:  # a file system without links
        part.replace(path)
    return True
