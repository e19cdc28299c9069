"""Where a merge stands, as it is told: the substate, the alerts, the marks."""

from quire.errors import AttemptLost
from quire.jobs.job import Alert, Standing
from quire.kinds.merge.cpu import CpuBudget
from quire.ports.kind import JobContext
from quire.products.acquisition_states import Substate

_MERGING = Substate.MERGING.value


class Course:
    """Tells of a merge, and of the substate that it has reached."""

    def __init__(self, context: JobContext, budget: CpuBudget) -> None:
        self._context = context
        self.budget = budget
        self._step = ""
        self._alerts: tuple[Alert, ...] = ()
        self._headers = False

    def proceed(self) -> None:
        """Go on, or raise `AttemptLost`."""
        if self._context.cancelled():
            one = self._context.assignment
            raise AttemptLost(one.job, one.attempt)

    def step(self, step: str, alerts: tuple[Alert, ...] = ()) -> None:
        """Tell of a substate, or of what a person should know by now."""
        self._step, self._alerts = step, alerts
        words = [f"{alert.severity}: {alert.description}" for alert in alerts]
        for message in words or [step]:
            self._context.tell(message, standing=Standing(step=step, alerts=alerts))

    def mark(self, message: str, marks: dict[str, str | None]) -> None:
        """Tell of what has been done for good; in any thread."""
        standing = Standing(step=self._step, alerts=self._alerts, marks=marks)
        self._context.tell(message, standing=standing)

    def report(self, message: str, percent: int) -> None:
        """Tell what the merge is doing; the first report is of the headers."""
        standing = None
        if not self._headers:
            # What is wrong with them is a matter of collecting (ESO ifw-daq).
            self._headers = True
        elif self._step != _MERGING:
            self._step, self._alerts = _MERGING, ()
            standing = Standing(step=_MERGING)
        self._context.tell(message, percent, standing=standing)
