"""`quire serve`."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Data folder; by default the platform's."),
    ] = None,
    *,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on, of the loopback; 127.0.0.1 by default."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="8642 by default; 0 takes a free one.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep the records in PostgreSQL, postgresql://user@host/name;"
            " several servers may share one.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            help="Of this server among several; its host and port by default."
        ),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Attempts that may run at once; 2 by default.")
    ] = None,
) -> None:
    """Keep documents, runs, jobs and products; until Ctrl-C."""
    from quire.app.serving import serve as serve_until_signal
    from quire.config import Settings

    if database is not None:
        from quire.storage.postgres.target import refuse_password

        refuse_password(database, "--database")
    settings = Settings.load(
        data_folder=folder,
        host=host,
        port=port,
        slots=slots,
        database=database,
        name=name,
    )
    serve_until_signal(settings)
