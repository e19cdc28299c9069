"""Labs, and the place where they run."""

import socket

from quire import server_file
from quire.actions.lab_notebooks import LabNotebooks
from quire.actions.lab_operations import LabOperations
from quire.actions.labs import Labs
from quire.actions.lookup import Lookup
from quire.actions.tokens import Tokens
from quire.app.ground import Ground
from quire.backends.accounts import LocalAccounts
from quire.backends.jupyter import Jupyter
from quire.backends.local import LocalLabs


class LabParts:
    """The actions on labs."""

    def __init__(self, on: Ground, tokens: Tokens, lookup: Lookup) -> None:
        settings, program = on.settings.labs, Jupyter()
        backend = LocalLabs(
            on.folder / "labs",
            program,
            idle_seconds=settings.idle_seconds,
            server_file=on.folder / server_file.NAME,
        )
        self.labs = Labs(
            on.store,
            backend,
            LocalAccounts(on.user, settings.users, program),
            LabOperations(on.store, backend, tokens, on.clock, settings),
            clock=on.clock,
            ids=on.ids,
            settings=settings,
            place=f"{socket.gethostname()}:{on.folder.resolve()}",
        )
        self.notebooks = LabNotebooks(self.labs, lookup)
