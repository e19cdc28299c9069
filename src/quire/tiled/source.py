"""What a mount asks of its Quire server."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from quire.client.connection import Connection
from quire.client.queries import Form, all_of
from quire.client.run import PATH
from quire.errors import Ambiguous, NotFound
from quire.tiled.columns import Columns
from quire.tiled.growing import GrowingStream
from quire.tiled.keeping import KeptStreams

MOST_VALUES = 1000
_SHORTEST = 5
_OPEN = frozenset({"open", "interrupted"})
_LAG = 5.0
_READING = 30.0
_SIGNS = frozenset("*?")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs, and in which order.

    Attributes
    ----------
    forms
        JSON forms of conditions, all of which hold.
    order
        As the server names it.
    """

    forms: tuple[Form, ...] = ()
    order: str = "oldest"

    def narrowed(self) -> dict[str, Any]:
        """Return the runs alone, as a request's body."""
        return {"tree": all_of(list(self.forms))} if self.forms else {}

    @property
    def key(self) -> str:
        """What tells it from any other."""
        return msgspec.json.encode(self).decode()

    @property
    def named(self) -> str | None:
        """The uid, or the beginning of one and ``*``, if that is all it asks for."""
        if len(self.forms) != 1 or self.forms[0].get("field") != "uid":
            return None
        operator, value = self.forms[0]["op"], self.forms[0].get("value")
        if operator not in ("=", "~") or not isinstance(value, str):
            return None
        bare = value.removesuffix("*") if operator == "~" else value
        plain = len(bare) >= _SHORTEST and not _SIGNS.intersection(bare)
        return value if plain else None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Records of some runs, and where the next ones begin; None at the end."""

    runs: list[dict[str, Any]]
    following: str | None


class Source:
    """One Quire server as one token sees it. What it does blocks."""

    def __init__(self, connection: Connection, kept: KeptStreams) -> None:
        self._connection = connection
        self._kept = kept

    def page(
        self, question: Question, limit: int, cursor: str | None, *, full: bool
    ) -> Page:
        """Return a page of runs; with start and stop documents if `full`."""
        body = {**question.narrowed(), "order": question.order, "limit": limit}
        if cursor is not None:
            body["cursor"] = cursor
        found = self._connection.post(f"{PATH}/search", {**body, "full": full})
        return Page(runs=found["runs"], following=found["next"])

    def count(self, question: Question) -> int:
        """Return how many runs there are."""
        body = question.narrowed()
        return int(self._connection.post(f"{PATH}/count", body)["runs"])

    def distinct(self, question: Question, field: str) -> list[dict[str, Any]]:
        """Return the most frequent values of a field, each with its ``runs``."""
        body = {**question.narrowed(), "field": field, "limit": MOST_VALUES}
        values: list[dict[str, Any]] = self._connection.post(f"{PATH}/distinct", body)[
            "values"
        ]
        return values

    def record(self, uid: str) -> dict[str, Any]:
        """Return all that is known of a run.

        Raises
        ------
        Refused
            It is not there, or not for this token.
        """
        found: dict[str, Any] = self._connection.get(
            f"{PATH}/{quote(uid, safe='')}", by="uid"
        )
        return found

    def named(self, uid: str) -> list[dict[str, Any]] | None:
        """Return the run of a uid, or of the beginning of one and ``*``.

        None if several begin so. It is looked up, which takes less time than to search.
        """
        bare = uid.removesuffix("*")
        try:
            found = self.record(bare)
        except NotFound:
            return []
        except Ambiguous:
            return None
        return [found] if uid.endswith("*") or found["uid"] == uid else []

    def columns(
        self, record: dict[str, Any], stream: str, *, begins: bool = True
    ) -> Columns:
        """Return a stream's columns as they stand in a run's record.

        Parameters
        ----------
        begins
            Whether a client may have just begun to read the stream. It asks for each
            array by itself, first for its shape and then for values of that shape, so
            what an open run has got since is not shown to it.
        """
        stamp = (record["documents"], record["status"], record["closed_at"])
        key = (self._connection.address, record["uid"], stream)

        def read(kept: Columns | None) -> Columns:
            path = f"{PATH}/{quote(record['uid'], safe='')}"
            own = kept.stream if kept else GrowingStream(self._connection, path, stream)
            return Columns(own)

        lag = 0.0
        if record["status"] in _OPEN:
            lag = _LAG if begins else _READING
        return self._kept.get(key, stamp, read, lag)

    def documents(self, uid: str) -> Iterator[bytes]:
        """Yield a run's documents, each as a JSON pair of name and document."""
        rest = b""
        path = f"{PATH}/{quote(uid, safe='')}/documents"
        with self._connection.stream(path, by="uid", format="ndjson") as answer:
            for piece in answer.iter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                yield from filter(None, lines)
        if rest:
            yield rest

    def seen_by(self, token: str) -> "Source":
        """Return the same server as another token sees it."""
        return Source(Connection(self._connection.url, token), self._kept)
