"""Which files may be read: those below the declared roots.

Where no root is declared, any that the server's user may read (DESIGN.md, "Commands").
"""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from quire.ports.asset_reader import AssetUnreadable
from quire.runs.columns.external import Asset

_HERE = frozenset({"", "localhost"})
_DRIVE = re.compile(r"/[A-Za-z]:/")


class Confinement:
    """Turns what documents say into paths, and keeps these below the roots.

    Parameters
    ----------
    roots
        Folders; none for no confinement.
    moved
        Where the folders of the documents' machine lie on this one.
    """

    def __init__(self, roots: Sequence[Path], moved: Mapping[str, str]) -> None:
        self._roots = [root.resolve() for root in roots]
        self._moved = {
            _slashes(old).rstrip("/"): new.rstrip("/") for old, new in moved.items()
        }

    def named(self, asset: Asset) -> str:
        """Return the path that an asset names, on this machine, not yet checked.

        Raises
        ------
        AssetUnreadable
            It is no local file.
        """
        if asset.document == "resource":
            return self.here(_joined(asset))
        try:
            parts = urlsplit(asset.location)
        except ValueError:  # such as file://[
            parts = urlsplit("")
        path = unquote(parts.path)
        if _DRIVE.match(path):
            path = path[1:]  # a URI has a slash before it
        if parts.netloc not in _HERE:  # of Windows, the machine that shares a folder
            path = f"//{parts.netloc}{path}"
        known = parts.netloc in _HERE or self.here(path) != path
        if parts.scheme != "file" or not known:
            raise AssetUnreadable(
                asset,
                "/uri",
                f"{asset.location[:200]!r} is no local file",
                mend="file:",
            )
        return self.here(path)

    def here(self, path: str) -> str:
        """Return where a path of the documents' machine lies on this one."""
        for old in sorted(self._moved, key=len, reverse=True):
            if path == old or path.startswith(old + "/"):
                return self._moved[old] + path[len(old) :]
        return path

    def checked(self, asset: Asset, path: str) -> Path:
        """Return a path with its links followed, if it may be read.

        Raises
        ------
        AssetUnreadable
            It leads out of the roots, or to no plain file.
        """
        field = "/resource_path" if asset.document == "resource" else "/uri"
        if not path.startswith("/") or not _is_encodable(path):
            reason, mend = f"{path[:200]!r} is no absolute path", "asset_root_map"
            raise AssetUnreadable(asset, field, reason, mend=mend)
        if ".." in PurePosixPath(path).parts:
            raise AssetUnreadable(asset, field, "'..' leads out", path=path)
        try:
            real = Path(path).resolve(strict=True)
            plain = self._is_within(real) and stat.S_ISREG(real.stat().st_mode)
        except (OSError, RuntimeError) as error:
            if not self._is_within(Path(path).resolve()):
                raise self._outside(asset, field, path) from None
            reason = getattr(error, "strerror", None) or str(error)
            raise AssetUnreadable(asset, field, reason, path=path) from None
        if not self._is_within(real):
            raise self._outside(asset, field, path)
        if not plain:
            raise AssetUnreadable(asset, field, "is no plain file", path=path)
        return real

    def _is_within(self, path: Path) -> bool:
        return not self._roots or any(map(path.is_relative_to, self._roots))

    def _outside(self, asset: Asset, field: str, path: str) -> AssetUnreadable:
        roots = ", ".join(map(str, self._roots))
        mend = "see the settings asset_roots and asset_root_map"
        reason = "lies outside the declared roots"
        return AssetUnreadable(asset, field, reason, mend=mend, path=path, root=roots)


def _joined(asset: Asset) -> str:
    if asset.windows:
        # A path that is absolute by itself would drop the root.
        below = PureWindowsPath(asset.location)
        path = below if below.drive else PureWindowsPath(asset.root) / below
        return _slashes(str(path))
    return str(PurePosixPath(asset.root or "/") / asset.location)


def _is_encodable(path: str) -> bool:
    """Return whether the system has paths like this."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # a lone surrogate, which JSON may escape
        return False


def _slashes(path: str) -> str:
    return path.replace("\\", "/")
