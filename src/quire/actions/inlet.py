"""The inlets of a server: started, stopped, and how each is."""

from collections.abc import Mapping

import msgspec

from quire.access.principals import Principal
from quire.actions.ingest import Ingest
from quire.actions.inlet_pump import InletPacing, InletPump, InletTrouble
from quire.clock import Clock
from quire.errors import NotFound
from quire.ports.inlet import Inlet
from quire.ports.inlet_records import SetAside
from quire.ports.store import Store

_PACING = InletPacing()
_ELSEWHERE = "another server on the same store reads it, and knows its counts"


class InletState(msgspec.Struct, frozen=True, kw_only=True):
    """How an inlet is.

    Attributes
    ----------
    replays
        Whether its source gives again what was not committed.
    accepted, repeated, refused, dropped, last
        Since the start; see `quire.actions.inlet_pump.Tally`.
    set_aside
        Items that are kept of all that was refused ever.
    trouble
        Why it waits, None while all is well.
    notes
        What people should know of the source.
    """

    name: str
    source: str
    replays: bool
    accepted: int
    repeated: int
    refused: int
    dropped: int
    set_aside: int
    last: float | None
    trouble: InletTrouble | None
    notes: tuple[str, ...]


class Inlets:
    """Runs inlets beside the requests.

    Parameters
    ----------
    inlets
        By name.
    owner
        In whose name their documents are stored.
    """

    def __init__(
        self,
        inlets: Mapping[str, Inlet],
        ingest: Ingest,
        store: Store,
        clock: Clock,
        *,
        owner: Principal,
        pacing: InletPacing = _PACING,
    ) -> None:
        self._store = store
        self._pumps = {
            name: InletPump(
                name,
                inlet,
                ingest=ingest,
                store=store,
                owner=owner,
                clock=clock,
                pacing=pacing,
            )
            for name, inlet in inlets.items()
        }

    def start(self) -> None:
        """Begin them all, in the background."""
        for pump in self._pumps.values():
            pump.start()

    async def stop(self) -> None:
        """End them all; what was not committed comes again next time."""
        for pump in self._pumps.values():
            await pump.stop()

    async def states(self) -> tuple[InletState, ...]:
        """Return how each inlet is, by name."""
        counts = await self._store.view(
            lambda tx: {name: tx.inlets.aside_count(name) for name in self._pumps}
        )
        return tuple(
            _state(name, pump, counts[name])
            for name, pump in sorted(self._pumps.items())
        )

    async def aside(self, inlet: str, after: int, limit: int) -> tuple[SetAside, ...]:
        """Return what an inlet set aside, in order, but for the first `after`.

        Raises
        ------
        NotFound
            There is no such inlet.
        """
        if inlet not in self._pumps:
            raise NotFound("inlet", inlet)
        return await self._store.view(lambda tx: tx.inlets.aside(inlet, after, limit))


def _state(name: str, pump: InletPump, set_aside: int) -> InletState:
    tally = pump.tally
    return InletState(
        name=name,
        source=pump.inlet.source,
        replays=pump.inlet.replays,
        accepted=tally.accepted,
        repeated=tally.repeated,
        refused=tally.refused,
        dropped=tally.dropped,
        set_aside=set_aside,
        last=tally.last,
        trouble=pump.trouble,
        notes=pump.inlet.notes() if pump.running else (_ELSEWHERE,),
    )
