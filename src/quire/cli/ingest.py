"""`quire ingest`."""

import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quire.cli.document_files import opened, pieces
from quire.cli.options import Json
from quire.cli.outcomes import Outcome, say
from quire.cli.output import put, put_json
from quire.errors import InputError, QuireError

if TYPE_CHECKING:
    from quire.client.delivery import Told


def ingest(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE|-", help="Documents as NDJSON, plain or gzip."),
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

    total, done = Told(stored=0), 0
    with opened(name, sys.stdin.buffer) as stream, Connection() as connection:
        try:
            for first, lines in _batches(pieces(stream)):
                told = deliver(connection, b"".join(lines), LEGACY if legacy else PATH)
                _tell_refused(told, first, lines)
                total += told
                done = first + len(lines) - 1
        except QuireError:
            if done:
                say(f"lines up to {done} are answered; to send them twice does no harm")
            raise
    # A line that was upgraded may have become several documents.
    repeated = min(total.repeated, total.stored)
    return {
        "accepted": total.stored - repeated,
        "repeated": repeated,
        "refused": len(total.refused),
    }


def _tell_refused(told: "Told", first: int, lines: list[bytes]) -> None:
    if not told.refused:
        return
    numbers = _numbers(first, lines)
    for refusal in told.refused:
        number = numbers[refusal.line + b"\n"].popleft()
        say(f"refused: line {number}: {refusal}")


def _numbers(first: int, lines: list[bytes]) -> dict[bytes, deque[int]]:
    """Return where each line stands; the same one may stand at several places."""
    numbers: dict[bytes, deque[int]] = defaultdict(deque)
    for number, line in enumerate(lines, first):
        numbers[line].append(number)
    return numbers


def _batches(text: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lines to send at once, empty ones bare, behind the number of the first.

    Of a pipe they are what is there: a producer that goes on for hours is not kept
    waiting for a full batch.
    """
    first, parts = 1, list[bytes]()
    for piece in text:
        parts.append(piece)
        if b"\n" not in piece:
            continue
        whole, _, rest = b"".join(parts).rpartition(b"\n")
        lines, parts = list(map(_line, whole.split(b"\n"))), [rest]
        if any(lines):
            yield first, lines
        first += len(lines)
    if last := _line(b"".join(parts)):
        yield first, [last]


def _line(text: bytes) -> bytes:
    return text.rstrip(b"\r") + b"\n" if text.strip() else b""
