"""`quire`: the command line, one file a group."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from quire.cli import (
    audit,
    daq,
    doctor,
    ingest,
    inlets,
    jobs,
    labs,
    merge,
    migrate,
    outlets,
    product,
    projections,
    rebuild,
    runs,
    serve,
    token,
)
from quire.cli import backup as backups
from quire.cli import demo as demonstration
from quire.cli import index as indexes
from quire.cli.outcomes import Commands

app = typer.Typer(
    name="quire",
    cls=Commands,
    help="The flight recorder and product factory of a science facility.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        from quire import __version__
        from quire.cli.output import put

        put(f"quire {__version__}")
        raise typer.Exit


@app.callback()
def quire(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Keep documents, make products, and show how far they are."""


app.command("demo")(demonstration.demo)
app.command("serve")(serve.serve)
app.command("ingest")(ingest.ingest)
app.add_typer(runs.app, name="runs")
app.add_typer(indexes.app, name="index")
app.add_typer(jobs.app, name="jobs")
app.add_typer(daq.app, name="daq")
app.add_typer(labs.app, name="labs")
app.add_typer(inlets.app, name="inlets")
app.add_typer(outlets.app, name="outlets")
app.add_typer(token.app, name="token")
app.command("merge")(merge.merge)
app.add_typer(product.app, name="product")
app.add_typer(projections.app, name="projections")
app.command("migrate")(migrate.migrate)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("doctor")(doctor.doctor)
app.command("audit")(audit.audit)
app.command("rebuild")(rebuild.rebuild)


def run() -> None:
    """Run the program."""
    if isinstance(sys.stdout, TextIOWrapper):
        # What a terminal of another encoding cannot show is told by its number.
        sys.stdout.reconfigure(errors="backslashreplace")
    app()
