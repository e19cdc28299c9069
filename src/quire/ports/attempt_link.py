"""What a runner and its server say to each other; blocking, for the runner."""

from typing import Protocol

from quire.jobs.job import Assignment, JobResult, Outcome, Standing
from quire.progress.event import ProgressEvent


class AttemptLink(Protocol):
    """The runner's line to the server, good for one attempt.

    Guarantees
    ----------
    Every method raises `quire.errors.AttemptLost` once the attempt may no longer
    change its job; the runner then stops without a word.
    """

    def claim(self) -> Assignment:
        """Return what is to be done."""
        ...

    def beat(self) -> None:
        """Say that the runner lives; renews the lease."""
        ...

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        """Append to the job's progress log.

        Durable when it returns if it says how the attempt stands, else when the next
        call returns at the latest; a loss, too, may show only then.

        Parameters
        ----------
        standing
            How the attempt stands now, None if nothing changed.
        """
        ...

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """End the attempt; durable when it returns."""
        ...
