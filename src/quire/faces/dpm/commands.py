"""ESO's commands by their own names, with what each takes and answers.

Source: ESO ifw-daq 3.2.0, daqif/dpm.html. Ours beyond it are GetArchivedDaqStatus,
QueryHistory and GetSpecificationSchema.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.acquisition_topics import AcquisitionTopics
from quire.actions.acquisitions import Acquisitions
from quire.errors import InputError
from quire.faces.dpm import wire
from quire.ports.acquisition_records import AcquisitionQuery
from quire.products.acquisition_states import Substate
from quire.products.specification_schema import specification_schema
from quire.web.paging import from_cursor, to_cursor

DPM, DAQ = "/dpm", "/daq"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command.

    Attributes
    ----------
    interface
        ESO's request path that it belongs to.
    takes, gives
        Models of its arguments and of its answer, None for null.
    says
        What it does, in a line.
    """

    interface: str
    takes: Any
    gives: Any
    says: str
    answer: Callable[[Any, Principal], Awaitable[Any]]


class Commands:
    """Does the commands."""

    def __init__(self, acquisitions: Acquisitions, topics: AcquisitionTopics) -> None:
        self._acquisitions = acquisitions
        self._topics = topics

    def table(self) -> Mapping[str, Command]:
        """Return the commands by name."""
        none, one = wire.NoArguments, wire.IdArguments
        status, reply = wire.DaqStatus, wire.DaqReply
        statuses = tuple[wire.DaqStatus, ...]
        rows: tuple[tuple[str, str, Any, Any, Any], ...] = (
            ("QueryStorageStatus", DPM, none, wire.StorageStatus, self.storage),
            ("QueueDaq", DAQ, wire.QueueArguments, reply, self.queue),
            ("AbortDaq", DAQ, one, reply, self.abort),
            ("RetryMergeDaq", DAQ, one, None, self.retry),
            ("GetDaqStatus", DAQ, one, status, self.status),
            ("GetActiveDaqs", DAQ, none, statuses, self.active),
            (
                "GetInternalDaqStatus",
                DAQ,
                one,
                wire.InternalDaqStatus,
                self.internal_status,
            ),
            ("GetArchivedDaqStatus", DAQ, one, status, self.archived_status),
            ("QueryHistory", DAQ, wire.HistoryArguments, wire.History, self.history),
            ("GetSpecificationSchema", DAQ, none, dict, self.schema),
        )
        return {
            name: Command(
                interface=interface,
                takes=takes,
                gives=gives,
                says=(answer.__doc__ or "").partition("\n")[0],
                answer=answer,
            )
            for name, interface, takes, gives, answer in rows
        }

    async def storage(self, _: wire.NoArguments, __: Principal) -> wire.StorageStatus:
        """Return how the disk of the workspace stands."""
        return wire.storage_status(*await self._topics.space())

    async def queue(
        self, given: wire.QueueArguments, principal: Principal
    ) -> wire.DaqReply:
        """Queue an acquisition by its data product specification."""
        made = await self._acquisitions.queue(given.specification, principal)
        return wire.reply(made)

    async def abort(
        self, given: wire.IdArguments, principal: Principal
    ) -> wire.DaqReply:
        """Abort an acquisition for good."""
        return wire.reply(await self._acquisitions.abort(given.id, principal))

    async def retry(self, given: wire.IdArguments, principal: Principal) -> None:
        """Let an acquisition go on that an error has blocked."""
        await self._acquisitions.retry(given.id, principal)

    async def status(
        self, given: wire.IdArguments, principal: Principal
    ) -> wire.DaqStatus:
        """Return how an acquisition stands that is not over."""
        return wire.status(await self._acquisitions.status(given.id, principal))

    async def archived_status(
        self, given: wire.IdArguments, principal: Principal
    ) -> wire.DaqStatus:
        """Return how an acquisition stands, be it over or not."""
        return wire.status(await self._acquisitions.archived(given.id, principal))

    async def active(
        self, _: wire.NoArguments, principal: Principal
    ) -> tuple[wire.DaqStatus, ...]:
        """Return all acquisitions that are not over, oldest first."""
        return tuple(map(wire.status, await self._acquisitions.active(principal)))

    async def internal_status(
        self, given: wire.IdArguments, principal: Principal
    ) -> wire.InternalDaqStatus:
        """Return all that is known of an acquisition, be it over or not."""
        details = await self._acquisitions.details(given.id, principal)
        return wire.internal_status(details)

    async def history(
        self, asked: wire.HistoryArguments, principal: Principal
    ) -> wire.History:
        """Search acquisitions, over or not, newest first."""
        query = AcquisitionQuery(
            limit=asked.limit + 1,
            text=asked.text,
            substates=frozenset(map(_substate, asked.sub_state)),
            since=asked.since.timestamp() if asked.since else None,
            until=asked.until.timestamp() if asked.until else None,
            before=from_cursor(asked.cursor, tuple[float, str]),
        )
        found = await self._acquisitions.history(query, principal)
        shown = found[: asked.limit]
        more = len(found) > asked.limit
        following = to_cursor((shown[-1].created, shown[-1].id)) if more else None
        listed = tuple(map(wire.status, shown))
        return wire.History(acquisitions=listed, next=following)

    async def schema(self, _: wire.NoArguments, __: Principal) -> dict[str, Any]:
        """Return the JSON Schema of a data product specification."""
        return specification_schema()


class _Subject(msgspec.Struct, frozen=True):
    """What a command is about, as far as it says so."""

    id: str = ""
    specification: Any = None


def subject_of(body: bytes) -> str:
    """Return the id of the acquisition that a command names, empty if none."""
    with suppress(msgspec.MsgspecError, UnicodeError, TypeError, RecursionError):
        subject = msgspec.json.decode(body, type=_Subject)
        inner = subject.specification
        if isinstance(inner, str):
            return msgspec.json.decode(inner, type=_Subject).id
        if inner is not None:
            return msgspec.convert(inner, _Subject).id
        return subject.id
    return ""


def _substate(name: str) -> Substate:
    try:
        return Substate(name)
    except ValueError:
        known = ", ".join(Substate)
        raise InputError("/subState", f"{name!r} is none", f"one of {known}") from None
