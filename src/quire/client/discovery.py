"""Find the server, without configuration on the same machine.

In this order: what the caller says; ``QUIRE_URL`` and ``QUIRE_TOKEN``, and where that
one refuses, the server that the file ``QUIRE_SERVER_FILE`` names; the server of the data folder ``QUIRE_DIR``; that of the platform's default data folder; the one live
server of this user.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import platformdirs

from quire import server_file
from quire.client.errors import NoServer, SeveralServers
from quire.errors import InputError
from quire.server_file import ServerRecord
from quire.web_address import web_address

_PATIENCE_SECONDS = 5.0


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is and what admits us.

    Attributes
    ----------
    url
        Without a slash at the end.
    token
        Empty if none is known.
    """

    url: str
    token: str


def find(
    url: str | None = None,
    token: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Address:
    """Return the address of the server that is meant.

    Parameters
    ----------
    url, token
        What the caller knows already. A token is looked up for a URL that came
        without one, but only where that very server's token lies.
    environ
        The environment, by default the process's own.

    Raises
    ------
    NoServer
        None runs where one was to be found. An explicit place (``QUIRE_DIR``) whose
        server is down is never replaced by another server.
    SeveralServers
        Several run and none of them is the default one.
    InputError
        The URL or the token cannot be one.
    """
    environ = os.environ if environ is None else environ
    if url:
        return _checked("url", _named(_bare(url), token, environ))
    if environ.get("QUIRE_URL"):
        named = _named(_bare(environ["QUIRE_URL"]), token, environ)
        return _returned(_checked("QUIRE_URL", named), environ)
    record = _recorded(environ)
    token = token or environ.get("QUIRE_TOKEN") or record.token
    found = Address(url=record.url.rstrip("/"), token=token)
    return _checked("url", found)


def names_of_server(
    url: str | None = None, *, environ: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return by what the server that is meant is known, the most lasting name first.

    One that runs here for this user is its data folder, whatever its port; any other
    one is its address. Empty is whoever is found without being named.
    """
    environ = os.environ if environ is None else environ
    named = _bare(url or environ.get("QUIRE_URL", ""))
    if not url and named and environ.get("QUIRE_SERVER_FILE"):
        return server_file.name_of(Path(environ["QUIRE_SERVER_FILE"]).parent), named
    if named:
        local = [record.folder for record in _local(environ) if record.url == named]
        return (*dict.fromkeys(filter(None, local)), named)
    if environ.get("QUIRE_DIR"):
        return (server_file.name_of(Path(environ["QUIRE_DIR"])),)
    try:
        found = _recorded(environ).folder
    except (NoServer, SeveralServers):
        return "", server_file.name_of(default_folder())
    return (found, "") if found else ("",)


def _bare(url: str) -> str:
    return url.strip().rstrip("/")


def _checked(source: str, address: Address) -> Address:
    """Return an address that can be asked; a token may have come with its line's end."""
    if not _is_address(address.url):
        raise InputError(source, f"{address.url!r} is no address", "http://host:port")
    token = address.token.strip()
    if not (token.isascii() and token.isprintable()):
        raise InputError("token", "no token holds such characters", "one line of ASCII")
    return Address(url=address.url, token=token)


def _is_address(url: str) -> bool:
    parts = web_address(url)
    return parts is not None and not (parts.query or parts.fragment)


def _named(url: str, token: str | None, environ: Mapping[str, str]) -> Address:
    if not token and _bare(environ.get("QUIRE_URL", "")) in ("", url):
        token = environ.get("QUIRE_TOKEN")
    if not token:
        local = (record for record in _local(environ) if record.url == url)
        token = next((record.token for record in local), "")
    return Address(url=url, token=token)


def _returned(address: Address, environ: Mapping[str, str]) -> Address:
    """Return where a server is that came back at another port.

    The token stays: it stands for a lab, and is kept in the server's store.
    """
    file = environ.get("QUIRE_SERVER_FILE", "")
    record = server_file.live(Path(file)) if file else None
    if record is None or record.url == address.url or not _refuses(address.url):
        return address
    return Address(url=record.url.rstrip("/"), token=address.token or record.token)


def _refuses(url: str) -> bool:
    """Return whether nobody listens there any more."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), _PATIENCE_SECONDS):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def _local(environ: Mapping[str, str]) -> list[ServerRecord]:
    folders = [Path(environ["QUIRE_DIR"])] if environ.get("QUIRE_DIR") else []
    files = [folder / server_file.NAME for folder in [*folders, default_folder()]]
    found = [server_file.live(file) for file in files]
    return [
        *(record for record in found if record is not None),
        *server_file.live_servers().values(),
    ]


def _recorded(environ: Mapping[str, str]) -> ServerRecord:
    if environ.get("QUIRE_DIR"):
        file = Path(environ["QUIRE_DIR"]) / server_file.NAME
        record = server_file.live(file)
        if record is None:
            raise NoServer(f"QUIRE_DIR names {file.parent}, where none runs")
        return record
    file = default_folder() / server_file.NAME
    record = server_file.live(file)
    if record is not None:
        return record
    others = list(server_file.live_servers().values())
    if len(others) > 1:
        raise SeveralServers(
            [f"{one.url} on {one.folder}" if one.folder else one.url for one in others]
        )
    if not others:
        raise NoServer(f"neither on {file.parent} nor elsewhere for this user")
    return others[0]


def default_folder() -> Path:
    """Return the platform's data folder for Quire."""
    return Path(platformdirs.user_data_dir("quire"))
