"""What `quire audit` and `quire rebuild` share: settings, stores, lines on stderr."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.outcomes import say

if TYPE_CHECKING:
    from quire.config import Settings
    from quire.storage.surveying.survey import Survey

_EVERY = 1.0  # seconds between two lines

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Data folder; by default the platform's."),
]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where the records are, if in PostgreSQL."),
]


def settings_of(folder: Path | None, database: str | None) -> "Settings":
    """Return the settings of a data folder.

    Raises
    ------
    InputError
        The URL of the database holds a password, or is none.
    """
    from quire.config import Settings

    if database is not None:
        from quire.storage.postgres.target import refuse_password

        refuse_password(database, "--database")
    return Settings.load(data_folder=folder, database=database)


def survey_of(settings: "Settings") -> "Survey":
    """Return the survey of the store that the settings name.

    Raises
    ------
    InputError
        There is none.
    """
    from quire.runs.facility import by_keys
    from quire.runs.searchable import describe
    from quire.storage.surveying.places import open_survey

    return open_survey(
        settings.data_folder,
        describe(by_keys(settings.numbers.experiment, settings.numbers.run)),
        database=settings.database.url,
        password=settings.database.password,
    )


class Lines:
    """Says once a second how far a command is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY

    def __call__(self, words: str) -> None:
        """Say it, if nothing was said lately."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            say(words)
