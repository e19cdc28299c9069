"""Real files whose operations fail as told, as those of a bad disk do."""

import errno

import apsw


class FailingFiles(apsw.VFS):
    """What SQLite opens its files with.

    Attributes
    ----------
    sync_fails, database_sync_fails
        How many of the next syncs fail: of any file, or of the database itself.
    write_fails
        Whether there is no room.
    """

    def __init__(self, name: str) -> None:
        self.sync_fails = 0
        self.database_sync_fails = 0
        self.write_fails = 0
        super().__init__(name, "")

    def xOpen(  # noqa: N802
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        """Open one of them."""
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    """One of them."""

    def __init__(
        self,
        files: FailingFiles,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        self._files = files
        self._is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Sync, or fail."""
        if self._files.sync_fails:
            self._files.sync_fails -= 1
            raise _failed_sync()
        if self._is_database and self._files.database_sync_fails:
            self._files.database_sync_fails -= 1
            raise _failed_sync()
        super().xSync(flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, or fail."""
        if self._files.write_fails:
            raise apsw.FullError(errno.errorcode[errno.ENOSPC])
        super().xWrite(data, offset)


def _failed_sync() -> apsw.IOError:
    problem = apsw.IOError("fsync")
    vars(problem)["extendedresult"] = apsw.SQLITE_IOERR_FSYNC
    return problem
