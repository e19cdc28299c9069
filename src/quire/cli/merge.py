"""`quire merge`: the same merger, without a server."""

import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.errors import InputError, ManyInputErrors


def merge(
    specification: Annotated[
        Path, typer.Argument(metavar="SPEC.json", help="Data product specification.")
    ],
    *,
    output: Annotated[Path, typer.Option(help="Folder for the product.")] = Path(),
    dictionaries: Annotated[
        Path | None, typer.Option(help="Folder of keyword dictionaries (TOML).")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the layout, and where each card is from; write nothing.",
        ),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(help="TOML file whose table transfers allows other machines."),
    ] = None,
    json: Json = False,
) -> None:
    """Merge FITS files and hand the product on; exit code 4 where that is blocked."""
    from quire.cli.merge_transfers import MergeTransfers
    from quire.kinds.merge.outcomes import Stuck
    from quire.ports.transfer import TransferProblem
    from quire.products.source_problem import SourceProblem
    from quire.writers.fits.dictionaries import dictionaries_in

    parsed = _parsed(specification)
    known = dictionaries_in(dictionaries, parsed) if dictionaries else None
    _require_conforming(parsed, known)
    having = MergeTransfers(settings)
    having.check(parsed)
    wanted = _Wanted(
        parsed, specification.absolute().parent, output.absolute(), known, having
    )
    try:
        (_put_plan if dry_run else _publish)(wanted, json=json)
    except (SourceProblem, Stuck, TransferProblem) as problem:
        raise _blocked(str(problem)) from None
    except BrokenPipeError:  # whoever reads what we print has gone
        raise
    except OSError as problem:
        told = f"{output}: {problem.strerror or problem}"
        raise _blocked(
            f"{told} (make room or mend the disk, then merge again)"
        ) from None


def _blocked(why: str) -> typer.Exit:
    say(f"quire: blocked: {why}")
    return typer.Exit(Outcome.BLOCKED)


def _parsed(specification: Path) -> Any:
    from quire.products.specification import parse_specification

    try:
        return parse_specification(specification.read_bytes())
    except OSError as error:
        raise InputError(str(specification), str(error.strerror)) from None
    except ManyInputErrors as errors:
        raise ManyInputErrors(
            [
                InputError(one.field or str(specification), one.reason, one.mend)
                for one in errors.errors
            ]
        ) from None


class _Wanted(NamedTuple):
    """What is to be merged.

    Attributes
    ----------
    base
        What relative locations are relative to.
    """

    specification: Any
    base: Path
    output: Path
    known: Any
    having: Any


def _require_conforming(parsed: Any, known: Any) -> None:
    from quire.products.keyword_dictionary import specification_faults

    if known is not None and (wrong := specification_faults(parsed, known)):
        raise ManyInputErrors(wrong)


def _publish(wanted: _Wanted, *, json: bool) -> None:
    from quire import __version__
    from quire.writers.fits.merge import ProductIdentity, publish
    from quire.writers.fits.merge import merge as merge_files

    began = time.perf_counter()
    parsed, output = wanted.specification, wanted.output
    output.mkdir(parents=True, exist_ok=True)
    identity = ProductIdentity(
        job=str(uuid.uuid4()), attempt=1, code_version=f"quire {__version__}"
    )
    with tempfile.TemporaryDirectory(prefix=".quire-", dir=output) as attempt:
        part = merge_files(
            parsed,
            wanted.having.collect(parsed, wanted.base, Path(attempt)),
            Path(attempt),
            made=datetime.now(UTC),
            identity=identity,
            report=lambda message, percent: say(f"{percent:3d} % {message}"),
            cancelled=lambda: False,
            dictionaries=wanted.known,
        )
        product = publish(part, output)
    wanted.having.release(parsed, part, product)
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


def _put_plan(wanted: _Wanted, *, json: bool) -> None:
    from quire.products.trace import trace
    from quire.writers.fits.merge import plan_merge

    parsed, known = wanted.specification, wanted.known
    with tempfile.TemporaryDirectory(prefix="quire-") as folder:
        sources = wanted.having.collect(parsed, wanted.base, Path(folder))
        now = datetime.now(UTC)
        planned = plan_merge(parsed, sources, made=now, dictionaries=known)
    names = [file.source_name for file in parsed.files]
    parts = [
        {
            "offset": part.offset,
            "length": part.length,
            "source": part.source,
            "name": names[part.source],
            "hdu": part.hdu,
            "source_offset": part.source_offset,
        }
        for part in planned.layout.parts
    ]
    headers = [hdus[0].header for hdus in planned.hdus]
    cards = trace(parsed, headers, planned.header, dictionaries=known)
    alerts = [f"{alert.severity}: {alert.description}" for alert in planned.alerts]
    header = len(planned.header)
    if json:
        size = planned.layout.size
        put_json(
            {
                "size": size,
                "header": header,
                "parts": parts,
                "cards": cards,
                "alerts": alerts,
            }
        )
        return
    put(f"{0:>12} {header:>12}  primary header")
    for one in parts:
        place = f"source {one['source']} ({one['name']}), HDU {one['hdu']}"
        put(f"{one['offset']:>12} {one['length']:>12}  {place}")
    for card in cards:
        put(f"{card.card:80}  {_origin(card)}")
    for alert in alerts:
        say(alert)


def _origin(card: Any) -> str:
    words = f"{card.source}: {card.rule}" if card.source else card.rule
    if card.former:
        words += f", was {card.former}"
    if card.beaten:
        words += f", instead of {', '.join(card.beaten)}"
    return str(words)
