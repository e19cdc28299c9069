"""`quire backup` and `quire restore`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json

if TYPE_CHECKING:
    from quire.config import Settings
    from quire.storage.backups.sources import Records

_EVERY = 1.0  # seconds between two lines

Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where the records are, if in PostgreSQL."),
]


def backup(
    destination: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Data folder; by default the platform's."),
    ] = None,
    *,
    database: Database = None,
    json: Json = False,
) -> None:
    """Copy records and files as they are now; servers may go on meanwhile."""
    from quire import __version__
    from quire.storage.backups.backup import back_up

    settings = _settings(folder, database)
    made = back_up(
        _records(settings),
        settings.data_folder,
        destination.absolute(),
        code_version=__version__,
        told=_Lines(),
    )
    size = sum(one.size for one in (made.database, *made.files))
    for path in made.missing:
        say(f"quire: MISSING: {path}, which a record names")
    if json:
        put_json(
            {
                "backup": str(destination.absolute()),
                "files": len(made.files),
                "size": size,
                "missing": made.missing,
            }
        )
    else:
        put(f"{destination}: {len(made.files) + 1} files, {size:,} bytes")
    if made.missing:
        raise typer.Exit(Outcome.FAILED)


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="Of quire backup.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="New data folder, or an empty one.")
    ],
    *,
    database: Database = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only see whether the backup is whole.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a data folder, and the database, as they were."""
    from quire.storage.backups.backup import restore as bring_back
    from quire.storage.backups.backup import verify

    if check:
        found, wrong = verify(source)
        for line in wrong:
            say(f"quire: {line}")
        if json:
            put_json({"backup": str(source), "wrong": wrong})
        elif not wrong:
            put(f"{source} is whole: {len(found.files) + 1} files")
        raise typer.Exit(Outcome.FAILED if wrong else Outcome.COMPLETE)
    settings = _settings(folder, database)
    made = bring_back(source, _records(settings), settings.data_folder, told=_Lines())
    if json:
        put_json({"restored": str(settings.data_folder), "files": len(made.files)})
    else:
        # The folder's own settings are those of old: they name the database of old.
        where = f" --database {database}" if database else ""
        put(
            f"{settings.data_folder} is as it was; quire serve {folder}{where} serves it"
        )


def _settings(folder: Path | None, database: str | None) -> "Settings":
    from quire.config import Settings

    if database is not None:
        from quire.storage.postgres.target import refuse_password

        refuse_password(database, "--database")
    return Settings.load(data_folder=folder, database=database)


def _records(settings: "Settings") -> "Records":
    from quire.storage.backups.sources import PostgresRecords, SqliteRecords

    if not settings.database.url:
        return SqliteRecords(settings.data_folder)
    from quire.storage.postgres.target import Target

    return PostgresRecords(
        Target(settings.database.url, password=settings.database.password)
    )


class _Lines:
    """Says once a second what is being copied."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY

    def __call__(self, what: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            say(what)
