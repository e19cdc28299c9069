"""Opening a run in a lab: one with a notebook that reads it."""

from quire.access.principals import Principal
from quire.actions.lab_operations import Note
from quire.actions.labs import Labs, Wanted
from quire.actions.lookup import Lookup
from quire.errors import NotFound
from quire.labs.lab import Act, Lab, LabOptions, LabStatus
from quire.labs.notebook import notebook, notebook_name
from quire.runs.run import Run

_PRIMARY = "primary"
_USUAL = "small"


class LabNotebooks:
    """Starts labs for people who look at Quire's own pages."""

    def __init__(self, labs: Labs, lookup: Lookup) -> None:
        self._labs = labs
        self._lookup = lookup

    @property
    def labs(self) -> Labs:
        """What may be done with labs."""
        return self._labs

    async def open(
        self, principal: Principal, *, server: str, run: str = "", size: str = ""
    ) -> Lab:
        """Return the principal's lab, started if it is not there.

        Parameters
        ----------
        server
            Address of this server, as the lab reaches it.
        run
            A run for which it is to have a notebook; empty for none.
        size
            Of a lab that is started; empty for the usual one.

        Raises
        ------
        NotFound
            There is no such run that they may see.
        LabBusy, LabExists
            It cannot be started just now.
        """
        note = None
        if run:
            note = _note((await self._lookup.run(run, principal)).run)
        there = await self._there(principal.name)
        if there is not None and there.act is Act.SPAWN:
            return there
        if there is not None and there.status is LabStatus.RUNNING and note:
            return await self._labs.note(principal.name, note)
        offered = self._labs.settings.offered()
        usual = _USUAL if _USUAL in offered else next(iter(offered), _USUAL)
        options = LabOptions(image=self._labs.image, size=size or usual)
        wanted = Wanted(options=options, prefix="/", server=server, note=note)
        return await self._labs.create(wanted, principal)

    async def _there(self, user: str) -> Lab | None:
        try:
            return await self._labs.get(user)
        except NotFound:
            return None


def _note(run: Run) -> Note:
    streams = sorted(run.streams, key=lambda name: (name != _PRIMARY, name))
    title = " ".join(
        str(part) for part in (run.scan_id, run.plan_name) if part is not None
    )
    text = notebook(run.uid, title or run.uid[:8], next(iter(streams), ""))
    return Note(name=notebook_name(run.uid), text=text)
