"""`quire ingest`."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from io import BufferedReader
from pathlib import Path
from typing import Annotated, cast

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.errors import InputError

_BATCH = 2 * 2**20


def ingest(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|-", help="Documents as NDJSON.")
    ] = None,
    *,
    spool: Annotated[
        bool, typer.Option("--spool", help="Send what waits in the spool instead.")
    ] = False,
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy", help="Upgrade older spellings; the originals are kept."
        ),
    ] = False,
    spool_folder: Annotated[
        Path | None, typer.Option(help="Another spool than the default; with --spool.")
    ] = None,
    json: Json = False,
) -> None:
    """Send documents to the server; exit code 1 if it refuses any."""
    if spool == (file is not None):
        raise InputError("FILE", "either a file or --spool", "- reads standard input")
    if spool and legacy:
        raise InputError("--legacy", "goes with a file", "the spool holds no archive")
    if spool:
        counts = _from_spool(spool_folder)
    else:
        counts = _from_file(str(file), legacy=legacy)
    if json:
        put_json(counts)
    else:
        put(", ".join(f"{count} {name}" for name, count in counts.items()))
    bad = counts["refused"] or counts.get("waiting")
    raise typer.Exit(Outcome.FAILED if bad else Outcome.COMPLETE)


def _from_spool(folder: Path | None) -> dict[str, int]:
    from quire.client.connection import Connection
    from quire.client.writer import drain

    with Connection() as connection:
        status = drain(connection, folder)
    return {
        "sent": status.sent,
        "refused": status.refused,
        "waiting": status.waiting,
    }


def _from_file(name: str, *, legacy: bool) -> dict[str, int]:
    from quire.client.connection import Connection
    from quire.client.delivery import LEGACY, PATH, Told, deliver

    total = Told(stored=0)
    with _opened(name) as stream, Connection() as connection:
        for first, lines in _batches(stream):
            told = deliver(connection, b"".join(lines), LEGACY if legacy else PATH)
            if told.refused:
                numbers = {line: at for at, line in enumerate(lines, first) if line}
                for refusal in told.refused:
                    number = numbers[refusal.line + b"\n"]
                    say(f"refused: line {number}: {refusal}")
            total += told
    # A line that was upgraded may have become several documents.
    repeated = min(total.repeated, total.stored)
    return {
        "accepted": total.stored - repeated,
        "repeated": repeated,
        "refused": len(total.refused),
    }


def _opened(name: str) -> nullcontext[BufferedReader] | BufferedReader:
    if name == "-":
        return nullcontext(cast("BufferedReader", sys.stdin.buffer))
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise InputError("FILE", f"{name}: {error.strerror}") from error


def _batches(stream: BufferedReader) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lines to send at once, empty ones bare, behind the number of the first.

    Of a pipe they are what is there: a producer that goes on for hours is not kept
    waiting for a full batch.
    """
    first, parts = 1, list[bytes]()
    while piece := stream.read1(_BATCH):
        parts.append(piece)
        if b"\n" not in piece:
            continue
        text, _, rest = b"".join(parts).rpartition(b"\n")
        lines, parts = list(map(_line, text.split(b"\n"))), [rest]
        if any(lines):
            yield first, lines
        first += len(lines)
    if last := _line(b"".join(parts)):
        yield first, [last]


def _line(text: bytes) -> bytes:
    return text.rstrip(b"\r") + b"\n" if text.strip() else b""
