"""The child process that drives tiled's own writer; started by `quire.outlets.tiled`.

It reads JSON lines from standard input and answers each request with one line on
standard output. First comes the address, then for each run::

    {"run": uid, "begun": bool, "live": bool}  answered by {"ready": true}
    [name, document, repeated rows]            once for each document
    null                                       answered by {"done": true}

or, where it fails, by ``{"error": words, "kind": "unavailable"|"run"|"foreign"}``;
what is left of that run is then read and dropped.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_BATCH = 10_000  # rows; what TiledWriter takes by default
_GONE = frozenset({401, 403, 408, 429, 502, 503, 504})
_STOP = "stop"
_LONGEST = 2000  # characters of an error


class Foreign(Exception):
    """Something that this outlet did not write stands under the run's uid."""


class Unreachable(Exception):
    """The container that is to hold the runs cannot be had: no run's fault."""


class Writing:
    """Writes runs to one tiled server.

    Parameters
    ----------
    uri
        Of the container that is to hold the runs.
    """

    def __init__(self, uri: str, api_key: str) -> None:
        self._uri = uri
        self._api_key = api_key
        self._client: Any = None

    def prepare(self, run: str, *, begun: bool) -> None:
        """Make room for a run.

        Raises
        ------
        Foreign
            Others have written something under its uid.
        """
        node = self._node(run)
        if node is None:
            return
        if not begun:
            raise Foreign(f"{run} stands there already, but not by this outlet")
        node.delete(recursive=True, external_only=False)

    def write(self, documents: Iterator[Any], *, live: bool) -> None:
        """Write the documents of one run.

        Parameters
        ----------
        live
            Whether each is written at once; without a stop the writer would keep
            what it has in memory.
        """
        from bluesky_tiled_plugins import (  # type: ignore[import-untyped]
            TiledWriter,
        )

        writer = TiledWriter(self._connected(), batch_size=1 if live else _BATCH)
        stops = []
        for name, body, repeated in documents:
            if name == _STOP:
                stops.append(body)
            else:
                writer(name, without_rows(name, body, set(repeated)))
        # Of several stops the earliest is effective, then the smallest uid.
        for stop in sorted(stops, key=lambda one: (one["time"], one["uid"]))[:1]:
            writer(_STOP, stop)

    def _node(self, run: str) -> Any:
        try:
            node = self._connected()[run]
        except KeyError:
            return None
        # Catalogs of runs also answer to the beginning of a uid.
        return node if node.item["id"] == run else None

    def _connected(self) -> Any:
        from tiled.client import from_uri  # type: ignore[import-untyped]

        if self._client is None:
            try:
                self._client = from_uri(self._uri, api_key=self._api_key or None)
            except Exception as problem:
                said = f"{type(problem).__name__}: {problem}"
                raise Unreachable(said) from problem
        return self._client


def without_rows(name: str, body: dict[str, Any], places: set[int]) -> dict[str, Any]:
    """Return a page without the rows at these places; others as they are."""
    if not places or name not in {"event_page", "datum_page"}:
        return body

    def kept(column: list[Any]) -> list[Any]:
        return [one for place, one in enumerate(column) if place not in places]

    def thinned(value: Any) -> Any:
        match value:
            case list():
                return kept(value)
            case dict():
                return {key: thinned(column) for key, column in value.items()}
            case _:
                return value

    return {key: thinned(value) for key, value in body.items()}


def kind_of(problem: Exception) -> str:
    """Return what a failure means: nothing goes now, or not this run."""
    import httpx

    if isinstance(problem, Foreign):
        return "foreign"
    response = getattr(problem, "response", None)
    away = Unreachable | httpx.TransportError | OSError | ImportError
    if isinstance(problem, away):
        return "unavailable"
    if response is not None and response.status_code in _GONE:
        return "unavailable"
    return "run"


def main() -> None:
    """Serve until standard input ends."""
    lines, answers = sys.stdin, os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    writing = Writing(**json.loads(lines.readline()))
    for line in lines:
        serve(writing, json.loads(line), lines, answers)


def serve(
    writing: Writing, request: dict[str, Any], lines: TextIO, answers: TextIO
) -> None:
    """Write one run, and say how that went."""
    try:
        writing.prepare(request["run"], begun=request["begun"])
    except Exception as problem:  # noqa: BLE001 - the parent judges all of it
        _answer(answers, failure(problem))
        return
    _answer(answers, {"ready": True})
    rest = _documents(lines)
    try:
        writing.write(rest, live=request["live"])
    except Exception as problem:  # noqa: BLE001 - the parent judges all of it
        said = failure(problem)
        for _ in rest:
            pass
        _answer(answers, said)
    else:
        _answer(answers, {"done": True})


def failure(problem: Exception) -> dict[str, Any]:
    """Return the answer that tells of a failure."""
    words = f"{type(problem).__name__}: {problem}"
    return {"error": words[:_LONGEST], "kind": kind_of(problem)}


def _documents(lines: TextIO) -> Iterator[Any]:
    for line in lines:
        item = json.loads(line)
        if item is None:
            return
        yield item


def _answer(answers: TextIO, said: dict[str, Any]) -> None:
    answers.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
