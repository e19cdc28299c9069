"""The spool: where documents wait, durably, for the server to have them.

    spool/<writer>/lock                     held while that writer lives
    spool/<writer>/server                   whose its documents are, where that is known
    spool/<writer>/00000001.ndjson          its documents, a line each
    spool/<writer>/00000001.acknowledged    how far the server has them
    spool/refused/<hash>.json               what the server refused, with its reason

Whoever writes to a server adopts what dead processes have left for that very one.
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import platformdirs

from quire.client.section import Section
from quire.client.segment import sync_folder
from quire.errors import InputError

_REFUSED = "refused"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A document that the server will not have.

    Attributes
    ----------
    line
        As it was sent, ``[name, doc]``.
    field
        JSON Pointer to what is wrong, empty for the whole of it.
    """

    line: bytes
    name: str
    uid: str
    field: str
    reason: str

    def __str__(self) -> str:
        which = f"{self.name} {self.uid}" if self.uid else self.name
        where = f"{self.field}: " if self.field else ""
        return f"{which}: {where}{self.reason}"


def default_spool() -> Path:
    """Return the platform's folder for documents that wait."""
    return Path(platformdirs.user_state_dir("quire")) / "spool"


class Spool:
    """A folder of sections.

    Parameters
    ----------
    names
        Tells by what the server is known that the documents are for, its best name
        first; None takes those of any.

    Raises
    ------
    InputError
        The folder cannot be made or written.
    """

    def __init__(
        self, folder: Path, names: Callable[[], tuple[str, ...]] | None = None
    ) -> None:
        self.folder = folder
        self._names = names
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unusable(folder, error) from error

    @property
    def refused(self) -> Path:
        """Where refused documents are kept."""
        return self.folder / _REFUSED

    def section(self) -> Section:
        """Return a new section of this process's own.

        Raises
        ------
        InputError
            The folder cannot be written.
        """
        name = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            server = self._names()[0] if self._names is not None else ""
            return Section.create(self.folder / name, server)
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def sections(self) -> Iterator[tuple[Path, str]]:
        """Return the folders of all writers, the oldest first, and whose each is.

        That is empty for our own server's.

        Raises
        ------
        OSError
            The spool cannot be listed.
        """
        names = self._names() if self._names is not None else None
        for folder in sorted(self.folder.iterdir()):
            if not (folder.name.startswith(".") or folder.name == _REFUSED):
                yield folder, "" if names is None else _other(folder, names)

    def check(self) -> None:
        """Do nothing if dead processes have left nothing that only others can send.

        Raises
        ------
        InputError
            A part of it cannot be read, or is another server's.
        """
        for folder, other in self.sections():
            try:
                left = Section.left_in(folder)
            except OSError as error:
                reason = f"{folder} cannot be read: {error.strerror or error}"
                raise InputError("spool", reason, "send it as its owner") from error
            if left and other:
                mend = "name that server; or the spool, to send all of it to this one"
                raise InputError("spool", f"{folder} waits for {other}", mend)

    def keep_refused(self, refusal: Refusal) -> None:
        """Keep a refused document with its reason, durably, once.

        Raises
        ------
        OSError
            It cannot be kept; it must be sent again.
        """
        self.refused.mkdir(exist_ok=True, mode=0o700)
        file = self.refused / f"{hashlib.sha256(refusal.line).hexdigest()[:32]}.json"
        part = file.with_suffix(".part")
        told = {
            "name": refusal.name,
            "uid": refusal.uid,
            "field": refusal.field,
            "reason": refusal.reason,
            "at": time.time(),
        }
        content = msgspec.json.encode(told)
        # The document as it stands: its NaN and its big integers are its own.
        whole = content[:-1] + b',"item":' + refusal.line.strip() + b"}\n"
        with part.open("wb") as stream:
            stream.write(whole)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        sync_folder(self.refused)


def _other(folder: Path, names: tuple[str, ...]) -> str:
    try:
        server = Section.server_of(folder)
    except OSError as error:
        return f"a server whose name cannot be read: {error.strerror or error}"
    return "" if server in names else server or "a server that is found, not named"


def _unusable(folder: Path, error: OSError) -> InputError:
    return InputError(
        "spool", f"{folder}: {error.strerror or error}", "name a folder on a local disk"
    )
