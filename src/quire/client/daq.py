"""Acquisitions: ESO's DPM commands, in Python."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from quire.client.connection import Connection
from quire.client.errors import Refused, refusal
from quire.client.progress import heard, resumed

Status = dict[str, Any]
"""A DaqStatus: id, fileId, state, subState, error, alerts, timestamp."""

_CODES = {404: "not_found", 409: "conflict", 422: "invalid_input", 403: "forbidden"}


class Acquisitions:
    """The acquisitions of one server.

    Every method raises `quire.client.errors.Refused`, or one of its subclasses, with
    the words of DPM's DaqException.
    """

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection or Connection()

    def queue(self, specification: str | Mapping[str, Any]) -> Status:
        """Queue an acquisition; return its id and whether it has an error.

        Parameters
        ----------
        specification
            The data product specification, as text or as an object.
        """
        return self._object("/daq/QueueDaq", specification=specification)

    def abort(self, acquisition: str) -> Status:
        """Abort an acquisition; return its id and whether it has an error."""
        return self._object("/daq/AbortDaq", id=acquisition)

    def retry(self, acquisition: str) -> None:
        """Let an acquisition go on that an error has blocked."""
        self._ask("/daq/RetryMergeDaq", id=acquisition)

    def status(self, acquisition: str) -> Status:
        """Return how an acquisition stands, be it over or not."""
        return self._object("/daq/GetArchivedDaqStatus", id=acquisition)

    def internal_status(self, acquisition: str) -> Status:
        """Return the same with the job that does it, and where its product lies."""
        return self._object("/daq/GetInternalDaqStatus", id=acquisition)

    def active(self) -> list[Status]:
        """Return the acquisitions that are not over, oldest first."""
        return list(self._ask("/daq/GetActiveDaqs"))

    def history(
        self,
        text: str = "",
        *,
        substates: tuple[str, ...] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> Iterator[Status]:
        """Yield acquisitions, over or not, newest first.

        Parameters
        ----------
        text
            Part of the id or of the file id.
        since, until
            When they were queued, in local time if they name no other.
        limit
            How many at the most.
        """
        asked: dict[str, Any] = {"text": text, "subState": list(substates)}
        asked["since"] = since.astimezone().isoformat() if since else None
        asked["until"] = until.astimezone().isoformat() if until else None
        left = limit
        while left > 0:
            page = self._ask("/daq/QueryHistory", **asked, limit=min(left, 1000))
            yield from page["acquisitions"]
            left -= len(page["acquisitions"])
            asked["cursor"] = page["next"]
            if page["next"] is None:
                return

    def storage(self) -> Status:
        """Return the disk's capacity, free and available bytes."""
        return self._object("/dpm/QueryStorageStatus")

    def exit(self) -> str:
        """End the whole server; return its last word."""
        return str(self._ask("/dpm/Exit"))

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a data product specification."""
        return dict(self._ask("/daq/GetSpecificationSchema"))

    def changes(self) -> Iterator[Status]:
        """Yield the active acquisitions as they stand, then every change.

        Raises
        ------
        ConnectionLost
            The server went away, and did not come back in a minute.
        """
        last_id: str | None = None

        def one_connection() -> Iterator[Status]:
            nonlocal last_id
            for sent in heard(self._connection, "/daq/status", last_id):
                last_id = sent.id or last_id
                yield json.loads(sent.data)

        return resumed(self._connection, one_connection)

    def _object(self, command: str, **arguments: Any) -> Status:
        found: Status = self._ask(command, **arguments)
        return found

    def _ask(self, command: str, **arguments: Any) -> Any:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return self._connection.post(command, given)
        except Refused as error:
            raise _worded(error) from None


def _worded(error: Refused) -> Refused:
    """Return a DaqException as the error that its status stands for."""
    told = error.problem
    if told.get("exception") != "DaqException":
        return error
    code = _CODES.get(error.status, "")
    problem = {**told, "code": code, "detail": told.get("message")}
    return refusal(error.status, problem)
