"""The file by which clients on the same machine find a running server.

The data folder holds ``server.json`` while its server runs; a copy lies in the user's
runtime folder, so that a server on any data folder is found. Both are readable by
their owner alone, appear by rename, and are ignored once their process is dead. Of
several servers on one data folder each has its own ``server-<name>.json`` there.
"""

import hashlib
import os
import re
import secrets
import socket
import warnings
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import platformdirs

NAME = "server.json"
_ROOT = 0


class ServerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a server.

    Attributes
    ----------
    url
        Its address, without a slash at the end.
    token
        What admits its owner.
    pid
        Its process.
    host
        The machine where that is: machines may share the folder. Empty for this one.
    folder
        Its data folder, by which it is the same server whatever its port.
    """

    url: str
    token: str
    pid: int
    host: str = ""
    folder: str = ""


def servers_folder() -> Path:
    """Return the folder where each of the user's servers leaves a copy."""
    with warnings.catch_warnings():
        # Where there is no XDG_RUNTIME_DIR, its stand-in is good enough for a hint.
        warnings.simplefilter("ignore")
        return Path(platformdirs.user_runtime_dir("quire")) / "servers"


@contextmanager
def publish(
    record: ServerRecord,
    data_folder: Path,
    *,
    name: str = "",
    servers: Path | None = None,
) -> Iterator[None]:
    """Let clients find a server for as long as the context lasts.

    Parameters
    ----------
    data_folder
        Where ``server.json`` goes.
    name
        Of one of several servers on this folder: then ``server-<name>.json`` is its
        own, and ``server.json`` names any that lives. Empty for the only one.
    servers
        Where the copy goes, by default `servers_folder`. A folder that cannot be used
        costs only the copy.

    Raises
    ------
    OSError
        The data folder cannot be written.
    """
    own = file_of(data_folder, name) if name else None
    files = [data_folder / NAME, _copy_of(data_folder, servers)]
    if own is not None:
        _write(record, own)
    if own is None or _read_live(files[0]) is None:
        _offer(record, *files)
    try:
        yield
    finally:
        if own is not None:
            _remove_own(record, own)
        heir = next(iter(_named(data_folder)), None)
        for file in files:
            if heir is not None and _is_of(record, file):
                with suppress(OSError):
                    _write(heir, file)
            else:
                _remove_own(record, file)


def stand_in(
    record: ServerRecord, data_folder: Path, *, servers: Path | None = None
) -> None:
    """Be the server that is found, where the one of this machine that was has died."""
    file = data_folder / NAME
    named = _read(file)
    if named is None or (_is_here(named) and not alive(named.pid)):
        with suppress(OSError):
            _offer(record, file, _copy_of(data_folder, servers))


def name_of(data_folder: Path) -> str:
    """Return a data folder as text that any file of ours can hold."""
    return bytes(data_folder.resolve()).decode("utf-8", "backslashreplace")


def file_of(data_folder: Path, name: str) -> Path:
    """Return the file of the server of a name; of the only one if that is empty."""
    return data_folder / (f"server-{_as_file_name(name)}.json" if name else NAME)


def _offer(record: ServerRecord, file: Path, copy: Path) -> None:
    _write(record, file)
    with suppress(OSError):
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _private(copy.parent):
            _write(record, copy)


def _copy_of(data_folder: Path, servers: Path | None) -> Path:
    name = hashlib.sha256(bytes(data_folder.resolve())).hexdigest()[:16]
    return (servers or servers_folder()) / f"{name}.json"


def _as_file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _named(
    data_folder: Path, owners: Container[int] | None = None
) -> Iterator[ServerRecord]:
    for file in sorted(data_folder.glob("server-*.json")):
        if (record := _read_live(file, owners)) is not None:
            yield record


def live(file: Path) -> ServerRecord | None:
    """Return what a file says of its server; None if there is none or it is dead.

    A file that somebody else owns or could have written is no word of our server; only
    root believes whoever owns the folder. Where the server that ``server.json`` names
    is dead, another one on its folder is told.
    """
    owners = _believed(file.parent)
    found = _read_live(file, owners)
    if found is None and file.name == NAME:
        return next(iter(_named(file.parent, owners)), None)
    return found


def _believed(folder: Path) -> set[int]:
    owners = {os.geteuid()}
    if owners == {_ROOT}:
        with suppress(OSError):
            owners.add(folder.stat().st_uid)
    return owners


def _read_live(file: Path, owners: Container[int] | None = None) -> ServerRecord | None:
    record = _read(file, owners)
    if record is None or not _is_here(record) or not alive(record.pid):
        return None
    return record


def _read(file: Path, owners: Container[int] | None = None) -> ServerRecord | None:
    try:
        if not _private(file, owners):
            return None
        return msgspec.json.decode(file.read_bytes(), type=ServerRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def _is_here(record: ServerRecord) -> bool:
    return record.host in ("", socket.gethostname())


def live_servers(servers: Path | None = None) -> dict[Path, ServerRecord]:
    """Return the user's running servers by the file that tells of each."""
    folder = servers or servers_folder()
    found = {file: _read_live(file) for file in sorted(folder.glob("*.json"))}
    return {file: record for file, record in found.items() if record is not None}


def alive(pid: int) -> bool:
    """Return whether a process still runs; one that waits to be reaped does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True  # no such file system here
    return status.rpartition(")")[2].split()[0] != "Z"


def _private(path: Path, owners: Container[int] | None = None) -> bool:
    status = path.stat()
    owned = status.st_uid in ({os.geteuid()} if owners is None else owners)
    return owned and not status.st_mode & 0o022


def _write(record: ServerRecord, file: Path) -> None:
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(record) + b"\n")
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_of(record: ServerRecord, file: Path) -> bool:
    try:
        return msgspec.json.decode(file.read_bytes(), type=ServerRecord) == record
    except (OSError, msgspec.MsgspecError):
        return False


def _remove_own(record: ServerRecord, file: Path) -> None:
    if _is_of(record, file):
        with suppress(OSError):
            file.unlink()
