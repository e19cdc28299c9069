"""`quire merge`: the same merger, without a server."""

import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.errors import InputError


def merge(
    specification: Annotated[
        Path, typer.Argument(metavar="SPEC.json", help="Data product specification.")
    ],
    *,
    output: Annotated[Path, typer.Option(help="Folder for the product.")] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the layout and write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Merge FITS files; exit code 4 where a source blocks it."""
    from quire.products.source_problem import SourceProblem
    from quire.products.specification import parse_specification
    from quire.writers.fits.merge import plan_merge

    try:
        text = specification.read_bytes()
    except OSError as error:
        raise InputError(str(specification), str(error.strerror)) from None
    parsed = parse_specification(text)
    base = specification.absolute().parent
    sources = {file.location: base / file.location for file in parsed.files}
    try:
        if dry_run:
            _put_layout(plan_merge(parsed, sources, made=datetime.now(UTC)), json=json)
        else:
            _publish(parsed, sources, output.absolute(), json=json)
    except SourceProblem as problem:
        say(f"quire: blocked: {problem}")
        raise typer.Exit(Outcome.BLOCKED) from None


def _publish(
    parsed: Any, sources: dict[str, Path], output: Path, *, json: bool
) -> None:
    from quire import __version__
    from quire.writers.fits.merge import ProductIdentity, publish
    from quire.writers.fits.merge import merge as merge_files

    began = time.perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    identity = ProductIdentity(
        job=str(uuid.uuid4()), attempt=1, code_version=f"quire {__version__}"
    )
    with tempfile.TemporaryDirectory(prefix=".quire-", dir=output) as attempt:
        part = merge_files(
            parsed,
            sources,
            Path(attempt),
            made=datetime.now(UTC),
            identity=identity,
            report=lambda message, percent: say(f"{percent:3d} % {message}"),
            cancelled=lambda: False,
        )
        product = publish(part, output)
    alerts = [f"{alert.severity}: {alert.description}" for alert in part.alerts]
    for alert in alerts:
        say(alert)
    if json:
        put_json(
            {
                "id": parsed.id,
                "product": str(product),
                "manifest": str(output / part.manifest_name),
                "size": part.size,
                "seconds": round(time.perf_counter() - began, 3),
                "alerts": alerts,
            }
        )
    else:
        put(str(product))


def _put_layout(planned: Any, *, json: bool) -> None:
    header = len(planned.header)
    parts = [
        {
            "offset": part.offset,
            "length": part.length,
            "source": part.source,
            "hdu": part.hdu,
            "source_offset": part.source_offset,
        }
        for part in planned.layout.parts
    ]
    if json:
        put_json({"size": planned.layout.size, "header": header, "parts": parts})
        return
    put(f"{0:>12} {header:>12}  primary header")
    for one in parts:
        place = f"source {one['source']}, HDU {one['hdu']}"
        put(f"{one['offset']:>12} {one['length']:>12}  {place}")
