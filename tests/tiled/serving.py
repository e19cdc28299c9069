"""A real tiled server that mounts a real Quire server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
from tests.documents.samples import FOLDER
from tiled.client.container import (  # type: ignore[import-untyped]
    DEFAULT_STRUCTURE_CLIENT_DISPATCH,
    Container,
)

from quire.client.catalog import Catalog
from quire.testing.campaigns.server import ServerProcess
from quire.testing.ports import free_port
from quire.testing.waiting import PATIENCE, until

KEY = "secret"


class Mounted(msgspec.Struct, frozen=True):
    """A Quire server, and a tiled server that shows its runs.

    Attributes
    ----------
    catalog
        What a notebook gets of the tiled server.
    own
        What our own client gets of the Quire server.
    beside
        A catalog of tiled's own in the same tiled server.
    """

    url: str
    server: ServerProcess
    own: Catalog
    catalog: Any
    beside: Any = None

    def plain(self) -> Any:
        """Return what a client without bluesky-tiled-plugins gets."""
        return Container(
            self.catalog.context,
            item=self.catalog.item,
            structure_clients=DEFAULT_STRUCTURE_CLIENT_DISPATCH["numpy"],
        )


def quire_tree(path: str, server: ServerProcess) -> dict[str, Any]:
    """Return what a tiled server's configuration says of a mount."""
    address = server.address
    given = {"url": address.url, "token": address.token}
    return {"path": path, "tree": "quire.tiled:mount", "args": given}


def own_tree(path: str, folder: Path) -> dict[str, Any]:
    """Return what it says of a new catalog of tiled's own."""
    (folder / "data").mkdir(parents=True)
    given = {
        "uri": f"sqlite:///{folder / 'catalog.db'}",
        "writable_storage": [str(folder / "data"), f"sqlite:///{folder / 'tables.db'}"],
        "readable_storage": [FOLDER.as_uri()],
        "init_if_not_exists": True,
    }
    return {"path": path, "tree": "catalog", "args": given}


@contextmanager
def tiled_mounting(folder: Path, trees: list[dict[str, Any]]) -> Iterator[str]:
    """Serve trees by tiled, and yield the address."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "trees": trees,
        "media_types": {
            "BlueskyRun": {"application/json-seq": "quire.tiled:export_documents"}
        },
        "authentication": {"single_user_api_key": KEY},
    }
    (folder / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    port = free_port()
    words = [str(Path(sys.executable).with_name("tiled")), "serve", "config"]
    words += [str(folder / "config.yml"), "--host", "127.0.0.1", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    log = folder / "tiled.log"
    with log.open("wb") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        with suppress(httpx.TransportError):
            return httpx.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200
        return False

    try:
        until(answers, 4 * PATIENCE)
        yield address
    finally:
        process.kill()
        process.wait()
