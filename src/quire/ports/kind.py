"""A kind of job, and what its work is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from quire.jobs.job import Assignment, JobResult, Outcome, Standing
from quire.jobs.parameters import Parameter


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a job takes for itself alone.

    Attributes
    ----------
    space
        What sort of name, such as ``"acquisition"``.
    field
        The parameter that it came from, for the error if it is taken.
    """

    space: str
    name: str
    field: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its kind understood it.

    Attributes
    ----------
    parameters
        Normalised: what is stored and given to `Kind.work`; plain JSON values.
    runs
        uids of the runs that it works on.
    claims
        Names that no other job may have.
    reserved
        Why only those may have it done to whom all is allowed; empty if everybody may.
    """

    parameters: dict[str, Any]
    runs: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    reserved: str = ""


class JobContext(Protocol):
    """What the work of a job is given."""

    @property
    def assignment(self) -> Assignment:
        """What is to be done."""
        ...

    @property
    def folder(self) -> Path:
        """The attempt's own folder; it exists and is empty but for ``log.txt``."""
        ...

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        """Send an `info` progress event (percent, 1 to 100).

        Parameters
        ----------
        standing
            How the attempt stands now, None if nothing changed.

        Raises
        ------
        AttemptLost
            The attempt was overtaken: stop at once.
        """
        ...

    def cancelled(self) -> bool:
        """Return whether the work should stop; cheap, to be asked often."""
        ...

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the work goes on."""
        ...


class Kind(Protocol):
    """What a job does."""

    @property
    def name(self) -> str:
        """Its name in addresses and commands."""
        ...

    @property
    def description(self) -> str:
        """What it does, in a sentence."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that it takes, for forms and descriptions."""
        ...

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent (names in any case).

        `quire.jobs.parameters.read_parameters` does it for most; what it gave for
        `Plan.parameters` is read again when a job is changed or retried.

        Raises
        ------
        InputError
            One of them is wrong; `ManyInputErrors` if several are.
        """
        ...

    def work(self, context: JobContext) -> Outcome:
        """Do the work; runs in a child process and may block.

        An exception that it lets out ends the job: `QuireError` with its code, any
        other as ``internal_error``.
        """
        ...
