"""`quire serve` with ``synchronous=NORMAL``: what a power cut must be seen to punish.

    python -m quire.testing.power_loss.careless_serve serve DIR --port PORT

In WAL mode such a commit "might roll back following a power loss"
(https://sqlite.org/pragma.html#pragma_synchronous). No setting of Quire allows it: here
SQLite is told to take no other order about it than this one.
"""

import argparse
from pathlib import Path

import apsw

from quire.app.serving import serve
from quire.config import Settings

_NORMAL = 1


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int)
    chosen = parser.parse_args()
    apsw.connection_hooks.append(_be_careless)
    serve(Settings.load(data_folder=chosen.folder, port=chosen.port))


def _be_careless(connection: apsw.Connection) -> None:
    connection.pragma("synchronous", _NORMAL)
    connection.authorizer = _keep_it_so


def _keep_it_so(
    action: int, name: str | None, value: str | None, *_: str | None
) -> int:
    about_syncs = action == apsw.SQLITE_PRAGMA and name == "synchronous"
    return apsw.SQLITE_IGNORE if about_syncs and value else apsw.SQLITE_OK


if __name__ == "__main__":
    main()
