"""Outlets: where acknowledged documents are forwarded."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from quire.errors import QuireError
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Outgoing


class OutletUnavailable(QuireError):
    """The target cannot be reached, or takes nothing now: to be tried again.

    Parameters
    ----------
    retry_after
        Seconds that the target asks for.
    """

    code = "outlet_unavailable"

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(reason)


class RunRejected(QuireError):
    """A run cannot go on at the target because of one of its documents.

    Parameters
    ----------
    number
        Of the document, 0 if it is not known which.
    foreign
        Whether what stands at the target under this run was written by others.
    """

    code = "run_rejected"

    def __init__(
        self, run: str, number: int, reason: str, *, foreign: bool = False
    ) -> None:
        self.run = run
        self.number = number
        self.reason = reason
        self.foreign = foreign
        super().__init__(f"run {run}: {reason}")


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A document that the target will never take; those behind it went through."""

    document: Outgoing
    reason: str


class DocumentOutlet(Protocol):
    """Takes documents one after the other.

    Guarantees
    ----------
    - What was sent is durable at the target when `send` returns.
    - Documents of one run get there in the order given; a repeated one does no harm.
    - The event loop is never blocked.

    Attributes
    ----------
    target
        Where it sends, for people; without secrets.
    takes_waiting
        Whether it takes documents before their run is known.
    """

    target: str
    takes_waiting: bool

    async def send(self, documents: Sequence[Outgoing]) -> tuple[Refused, ...]:
        """Send documents and return those that the target refused for good.

        Raises
        ------
        OutletUnavailable
            Nobody knows what got there; all of it is to be sent again.
        RunRejected
            One document stops its run, but no other run.
        """
        ...

    async def aclose(self) -> None:
        """Let go of everything; what was not confirmed is sent again next time.

        More may be sent afterwards, as once another server has had its turn.
        """
        ...


@runtime_checkable
class RunOutlet(Protocol):
    """Takes a run as a whole, once it is closed or silent.

    Attributes
    ----------
    target
        Where it sends, for people; without secrets.
    settle
        Seconds after its last document in which a run without a stop is left alone.
    """

    target: str
    settle: float

    async def send_run(
        self,
        run: str,
        pages: AsyncIterator[Sequence[StoredDocument]],
        *,
        closed: bool,
        begun: bool,
        claim: Callable[[], Awaitable[None]],
    ) -> None:
        """Write a run anew; it is durable at the target when this returns.

        Parameters
        ----------
        pages
            Its documents; every reference is preceded by its target, stops come last.
        closed
            Whether it has a stop.
        begun
            Whether the target may hold an earlier or a broken-off writing of it by
            this outlet, which is then replaced. Nothing that others wrote is.
        claim
            Awaited once before the first writing, if not begun: notes durably that
            from now on the target holds something of this outlet's.

        Raises
        ------
        OutletUnavailable
            To be tried again.
        RunRejected
            This run cannot be written; others can.
        """
        ...

    async def aclose(self) -> None:
        """Let go of everything."""
        ...
