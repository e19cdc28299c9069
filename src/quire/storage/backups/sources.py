"""Where records are copied from and restored to: one class a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from quire.products.product import Product

if TYPE_CHECKING:
    from quire.storage.postgres.target import Target


class Records(Protocol):
    """The records of one store, as a backup sees them.

    Attributes
    ----------
    kind
        ``sqlite`` or ``postgres``.
    name
        What their copy is called.
    """

    kind: str
    name: str

    def copy(self, destination: Path) -> None:
        """Write all that is committed now into a new file, durably."""
        ...

    def products(self, copied: Path) -> list[Product]:
        """Return the products that the copy, or what it was made of, holds."""
        ...

    def check(self, copied: Path) -> str:
        """Return what is wrong with a copy, empty if nothing is."""
        ...

    def restore(self, copied: Path, data_folder: Path) -> None:
        """Make the records of a copy those of a data folder that has none."""
        ...


class SqliteRecords:
    """Records in a data folder's own SQLite file."""

    kind = "sqlite"
    name = "quire.sqlite"

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder

    def copy(self, destination: Path) -> None:
        """Write all that is committed now into a new file, durably."""
        from quire.storage.backups import sqlite_copy

        sqlite_copy.copy_database(self._data_folder, destination)

    def products(self, copied: Path) -> list[Product]:
        """Return the products of the copy."""
        from quire.storage.backups import sqlite_copy

        return sqlite_copy.products(copied)

    def check(self, copied: Path) -> str:
        """Return what is wrong with a copy, empty if nothing is."""
        from quire.storage.backups import sqlite_copy

        return sqlite_copy.check(copied)

    def restore(self, copied: Path, data_folder: Path) -> None:
        """Copy the file into the data folder, durably."""
        from quire.storage.backups.files import copy

        copy(copied, data_folder / self.name, self.name)


class PostgresRecords:
    """Records in a PostgreSQL database."""

    kind = "postgres"
    name = "quire.pgdump"

    def __init__(self, target: "Target") -> None:
        self._target = target

    def copy(self, destination: Path) -> None:
        """Dump all that is committed now into a new file, durably."""
        from quire.storage.backups import postgres_dump

        postgres_dump.copy_database(self._target, destination)

    def products(self, copied: Path) -> list[Product]:
        """Return the products of the database; more than the copy has, if anything."""
        from quire.storage.backups import postgres_dump

        del copied
        return postgres_dump.products(self._target)

    def check(self, copied: Path) -> str:
        """Return what is wrong with a dump, empty if nothing is to be seen."""
        from quire.storage.backups import postgres_dump

        return postgres_dump.check(copied)

    def restore(self, copied: Path, data_folder: Path) -> None:
        """Fill the database, which must be empty."""
        from quire.storage.backups import postgres_dump

        del data_folder
        postgres_dump.restore_database(self._target, copied)
