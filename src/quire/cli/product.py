"""`quire product`."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands, Outcome
from quire.cli.output import put, put_json

app = typer.Typer(
    cls=Commands,
    help="Check published products, and take them away.",
    no_args_is_help=True,
)


@app.callback()
def product() -> None:
    """Check published products, and take them away."""


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="The product's file.")],
    *,
    manifest: Annotated[
        Path | None, typer.Option(help="Its manifest; by default the one beside it.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare a product with its manifest, byte by byte; exit code 1 if it differs."""
    from quire.writers.fits.verify import verify as compare

    found = compare(path, manifest)
    if json:
        put_json(
            {
                "file": str(found.file.absolute()),
                "good": found.good,
                "size": found.size,
                "parts": found.parts,
                "problems": list(found.problems),
            }
        )
    elif found.good:
        put(f"verified: {found.file.name}, {found.parts} parts, {found.size} bytes")
    else:
        for problem in found.problems:
            put(f"{found.file.name}: {problem}")
    if not found.good:
        raise typer.Exit(Outcome.FAILED)


@app.command()
def delete(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, as quire runs show tells it.")
    ],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    json: Json = False,
) -> None:
    """Take a product away, for good; who did it, when and why is kept."""
    from quire.client.connection import Connection

    with Connection() as connection:
        path = f"/api/v1/products/{quote(id_, safe='')}"
        gone = connection.ask("DELETE", path, query={"reason": reason})
    if json:
        put_json(gone)
    else:
        put(f"{gone['file']} was taken away")
