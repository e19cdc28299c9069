"""Where a merge stands: tells the caller, and asks whether to go on."""

from collections.abc import Callable

import msgspec

from quire.errors import AttemptLost
from quire.progress.phases import Phases

READ, COPY, VERIFY, FLUSH, END = "read", "copy", "verify", "flush", "end"
MERGING = Phases({READ: 5, COPY: 80, VERIFY: 10, FLUSH: 5, END: 0})


class ProductIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes the product: it goes into the manifest.

    Attributes
    ----------
    runs
        uids of the runs that it is made from.
    """

    job: str
    attempt: int
    runs: tuple[str, ...] = ()
    code_version: str


class Course:
    """Where a merge stands.

    Parameters
    ----------
    report
        Told what is going on, and percent.
    cancelled
        Asked whether to stop.
    """

    def __init__(
        self,
        identity: ProductIdentity,
        report: Callable[[str, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._identity = identity
        self._report = report
        self._cancelled = cancelled
        self._told = ("", 0)
        self.message = ""
        self.size = 1

    def proceed(self) -> None:
        """Go on, or raise `AttemptLost`."""
        if self._cancelled():
            raise AttemptLost(self._identity.job, self._identity.attempt)

    def tell(self, message: str, phase: str, done: float = 0, of: float = 1) -> None:
        """Report what is new: how much is done of one of the `MERGING` phases."""
        news = (message, max(MERGING.percent(phase, done, of), self._told[1]))
        if news != self._told:
            self._told = news
            self._report(*news)

    def moved(self, message: str, count: int) -> None:
        """Say how many bytes are there."""
        self.proceed()
        self.tell(message, COPY, count, self.size)
