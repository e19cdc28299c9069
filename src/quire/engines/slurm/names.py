"""The names of attempts in Slurm: what a launch is known again by.

Slurm's own job numbers are not: a controller that lost its last seconds gives the same
number again. A name is found after a restart of the server, and after an answer that
never came.
"""

import hashlib
from pathlib import Path

from quire.ports.launcher import AttemptKey

_DIGITS = 8


class Names:
    """Names of the attempts of one data folder.

    Parameters
    ----------
    data_folder
        Tells the attempts of several servers of one user apart.
    """

    def __init__(self, data_folder: Path) -> None:
        folder = str(data_folder.resolve()).encode()
        self.marker = hashlib.sha256(folder).hexdigest()[:_DIGITS]
        self._prefix = f"quire-{self.marker}-"

    def of(self, key: AttemptKey) -> str:
        """Return an attempt's name."""
        job, attempt = key
        return f"{self._prefix}{job}.{attempt}"

    def pilot(self, sort: str) -> str:
        """Return the name of a pilot; no attempt's."""
        return f"quire-{self.marker}+pilot-{sort}"

    def key(self, name: str) -> AttemptKey | None:
        """Return whose name it is, None if no attempt's of this data folder."""
        job, _, attempt = name.removeprefix(self._prefix).rpartition(".")
        ours = name.startswith(self._prefix) and job and attempt.isdecimal()
        return (job, int(attempt)) if ours else None
