"""One batch of lines to the server, until every line has its answer."""

from collections.abc import Iterator
from typing import Any

import jiter
import msgspec

from quire.client.connection import Connection
from quire.client.errors import refusal
from quire.client.posting import Answer
from quire.client.spool import Refusal
from quire.errors import QuireError

PATH = "/api/v1/documents"
LEGACY = f"{PATH}?legacy=true"
"""Where older spellings are upgraded."""
MEDIA = "application/x-ndjson"
_ANSWERED = frozenset({200, 409, 422})
# The request as a whole is at fault, so a smaller one may not be.
_TOO_LARGE = 413
_DIVIDE = frozenset({400, 409, _TOO_LARGE, 422})
_LOOK = 65_536  # bytes of a document


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said of a batch.

    Attributes
    ----------
    stored
        Lines that it has on disk, new or repeated.
    repeated
        Those of them that it had before.
    """

    stored: int
    repeated: int = 0
    refused: tuple[Refusal, ...] = ()

    def __add__(self, other: "Told") -> "Told":
        return Told(
            stored=self.stored + other.stored,
            repeated=self.repeated + other.repeated,
            refused=self.refused + other.refused,
        )


def deliver(connection: Connection, batch: bytes, path: str = PATH) -> Told:
    """Send whole lines; return once the server has them on disk or has refused them.

    Parameters
    ----------
    batch
        Lines, each with its newline.

    Raises
    ------
    ConnectionLost
        No answer: nothing is known of the batch, it is to be sent again.
    Refused
        The server cannot or will not take any document now; as above.
    """
    answer = connection.post_raw(path, batch, MEDIA)
    reply = _reply(answer)
    if reply is not None:
        return _told(reply, batch)
    told = answer.problem
    if "code" not in told:
        said = told.get("detail") or told.get("title") or "no reason given"
        told = {"detail": f"{connection.url} answers {answer.status}: {said}"}
    problem = refusal(answer.status, told)
    if not _at_fault(answer):
        raise problem
    return _divided(connection, batch, path, problem)


def _at_fault(answer: Answer) -> bool:
    # Quire alone judges documents, and gives a code; what stands in between it and us,
    # or in its place, may only find them too large.
    ours = "code" in answer.problem or answer.status == _TOO_LARGE
    return ours and answer.status in _DIVIDE


def _divided(
    connection: Connection, batch: bytes, path: str, problem: QuireError
) -> Told:
    middle = batch.find(b"\n", (len(batch) - 1) // 2) + 1
    if middle == len(batch):
        middle = batch.rfind(b"\n", 0, len(batch) - 1) + 1
    if not 0 < middle < len(batch):
        told = {**_named(batch), "reason": str(problem)}
        return Told(stored=0, refused=(_refused(batch, told),))
    halves = batch[:middle], batch[middle:]
    first, second = (deliver(connection, half, path) for half in halves)
    return first + second


def _named(line: bytes) -> dict[str, str]:
    """Return name and uid of a document that the server has not looked into."""
    begin = line[:_LOOK]
    try:
        item = jiter.from_json(begin, allow_inf_nan=True, partial_mode=True)
    except ValueError:
        return {}
    match item:
        case [str(name), {"uid": str(uid)}]:
            return {"name": name, "uid": uid}
        case {"name": str(name), "doc": {"uid": str(uid)}}:
            return {"name": name, "uid": uid}
    return {}


def _reply(answer: Answer) -> dict[str, Any] | None:
    if answer.status not in _ANSWERED:
        return None
    reply = answer.problem
    return reply if isinstance(reply.get("refused"), list) else None


def _told(reply: dict[str, Any], batch: bytes) -> Told:
    lines = batch.split(b"\n")[:-1] if reply["refused"] else []
    refused = tuple(_each(reply["refused"], lines))
    total = len(lines) if lines else batch.count(b"\n")
    return Told(
        stored=total - len(refused),
        repeated=int(reply.get("repeated", 0)),
        refused=refused,
    )


def _each(entries: list[dict[str, Any]], lines: list[bytes]) -> Iterator[Refusal]:
    for entry in {entry["index"]: entry for entry in entries}.values():
        if 0 <= entry["index"] < len(lines):
            yield _refused(lines[entry["index"]], entry)


def _refused(line: bytes, entry: dict[str, Any]) -> Refusal:
    return Refusal(
        line=line.rstrip(b"\n"),
        name=str(entry.get("name") or "document"),
        uid=str(entry.get("uid") or ""),
        field=str(entry.get("field") or ""),
        reason=str(entry.get("reason") or "no reason given"),
    )
