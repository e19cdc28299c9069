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
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token + "\n")
    return token
