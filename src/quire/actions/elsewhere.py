"""Descriptors under a uid that another run has.

An event names its descriptor, and no run: it goes to the first that has that uid. So a
second one is a conflict wherever it says that it belongs, and both runs are told of it.

Of resources this is not so: one that several runs use, such as a dark frame, is sent
with each, and the RunEngine writes that run into it (bluesky, ``bundlers.py``).
"""

from quire.access.principals import Principal
from quire.actions.repeats import Clash, clash_of
from quire.documents.document import Document
from quire.documents.identity import key_of
from quire.documents.reading import parse
from quire.ports.store import Transaction
from quire.runs.findings import settled
from quire.runs.run import Finding


class Elsewhere:
    """Tells of them in one delivery.

    Parameters
    ----------
    sender
        Who is told nothing of runs of others, but that there is one.
    """

    def __init__(self, tx: Transaction, sender: Principal) -> None:
        self._tx = tx
        self._sender = sender
        self._came: dict[str, Document] = {}
        self._findings: dict[str, list[Finding]] = {}

    def note(self, name: str, document: Document) -> None:
        """Note the first descriptor of this uid."""
        self._came[name] = document

    def clash(self, document: Document, owner: str) -> Clash | None:
        """Return how it differs from what another run has under its uid, if that has.

        Parameters
        ----------
        owner
            The run for which the uid stands: that may have but a reference to it.
        """
        name = document.body["uid"]
        key = key_of(document.name, name)
        found = [
            parse(one.name, one.raw)
            for one in self._tx.documents.find(owner, [key]).get(key, ())
            if one.name is document.name
        ]
        others = [*found, *filter(None, [self._came.get(name)])]
        for other in others:
            if other.body["uid"] == name:
                return clash_of(other, document, where=self._where(owner))
        return None

    def tell(self, owner: str, finding: Finding) -> None:
        """Have the run that keeps the uid show what came as well."""
        self._findings.setdefault(owner, []).append(finding)

    def finish(self) -> None:
        """Put the findings on their runs."""
        for uid, findings in self._findings.items():
            run = self._tx.runs.get(uid)
            if run is not None and self._sender.can_see(run.owner):
                self._tx.runs.put(settled(run, findings))

    def _where(self, owner: str) -> str:
        run = self._tx.runs.get(owner)
        seen = run is None or self._sender.can_see(run.owner)
        return f" in the run {owner}" if seen else " in another run"
