"""`quire demo`."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Data folder to keep; by default a temporary one."
        ),
    ] = None,
    *,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="End when the product is verified, as it does without a terminal.",
        ),
    ] = False,
) -> None:
    """Show it all: simulated instrument, documents, run, merge, verified product."""
    from quire.demo.demonstration import run

    raise typer.Exit(run(once=once, directory=folder))
