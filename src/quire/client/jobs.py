"""Submit jobs, wait for them, abort and repeat them."""

from collections.abc import Iterator
from typing import Any

from quire.client.connection import Connection
from quire.client.errors import JobFailed
from quire.client.progress import Listener, Told
from quire.client.run import Run
from quire.jobs.phases import Phase
from quire.progress.event import ProgressType

PATH = "/api/v1/jobs"


class Job:
    """A job on the server.

    Parameters
    ----------
    record
        As the server last told it.
    """

    def __init__(self, connection: Connection, record: dict[str, Any]) -> None:
        self._connection = connection
        self._record = record

    @property
    def id(self) -> str:
        """The job's id, which is its operation's too."""
        return str(self._record["id"])

    @property
    def record(self) -> dict[str, Any]:
        """What the server last said of it."""
        return self._record

    @property
    def phase(self) -> Phase:
        """Its phase, as last told."""
        return Phase(self._record["phase"])

    def refresh(self) -> "Job":
        """Ask the server how it stands."""
        self._record = self._connection.get(f"{PATH}/{self.id}")
        return self

    def wait(self, timeout: float | None = None) -> "Job":
        """Return once the job has completed.

        Parameters
        ----------
        timeout
            Seconds.

        Raises
        ------
        JobFailed
            It ended otherwise, or is held until a person has mended something.
        TimeoutError
            It is still at work.
        """
        for _ in self.progress(timeout):
            pass
        if self.refresh().phase is not Phase.COMPLETED:
            raise JobFailed(self.id, self.phase, reason_of(self._record))
        return self

    def progress(self, timeout: float | None = None) -> Iterator[Told]:
        """Yield its progress events until it is over or held.

        Raises
        ------
        TimeoutError
            It is still at work after `timeout` seconds.
        """
        with Connection(*self._connection.given) as listening:
            for told in Listener(listening, self.id).events(timeout):
                yield told
                # An error of before a retry is history, and does not hold it now.
                failing = told.event.type is ProgressType.ERROR
                if failing and self.refresh().phase is Phase.HELD:
                    return

    def abort(self) -> "Job":
        """Abort it; the phase is ABORTED at once, the sweep of processes follows."""
        return self._do("abort")

    def retry(self) -> "Job":
        """Go on with a held job, or repeat one that is over as a new job."""
        again = self._connection.post(f"{PATH}/{self.id}/retry")
        return Job(self._connection, again)

    def run(self) -> "Job":
        """Put a pending or held job into the queue."""
        return self._do("run")

    def _do(self, verb: str) -> "Job":
        self._record = self._connection.post(f"{PATH}/{self.id}/{verb}")
        return self

    def __repr__(self) -> str:
        return f"<Job {self.id} {self._record.get('kind')} {self._record.get('phase')}>"


def submit_to(
    connection: Connection,
    kind: str,
    parameters: dict[str, Any],
    *,
    runs: tuple[str, ...] = (),
) -> Job:
    """Queue a job of a kind.

    Parameters
    ----------
    parameters
        By name; names are upper case, as in UWS.
    runs
        uids of the runs that it works on.
    """
    asked = {name.upper(): value for name, value in parameters.items()}
    if runs:
        asked["RUN"] = list(runs)
    body = {"kind": kind, "parameters": asked, "run": True}
    return Job(connection, connection.post(PATH, body))


def submit(
    kind: str, *, run: Run | str | None = None, wait: bool = False, **parameters: Any
) -> Job:
    """Queue a job on the local server.

    Parameters
    ----------
    kind
        What it does: ``merge``, ``wait``...
    run
        The run that it works on.
    wait
        Return only once it has completed.
    parameters
        Of that kind.

    Raises
    ------
    RefusedInput
        The server will not have the parameters; it says which and why.
    JobFailed
        It was waited for and did not complete.
    """
    uid = run.uid if isinstance(run, Run) else run
    job = submit_to(Connection(), kind, parameters, runs=(uid,) if uid else ())
    return job.wait() if wait else job


def reason_of(record: dict[str, Any]) -> str:
    """Return in words why a job does not go on; empty if it gives no reason."""
    error = record.get("error") or {}
    alerts = [str(alert["description"]) for alert in record.get("alerts") or ()]
    return "; ".join([str(error["message"])] if error else alerts)
