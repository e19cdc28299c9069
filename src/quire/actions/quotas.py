"""Quotas: how many jobs an owner may have in the queue and under way."""

from quire.jobs.limits import QuotaExceeded, Quotas
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction

_UNFINISHED = frozenset({Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED})


class JobQuota:
    """Refuses more jobs than an owner may have."""

    def __init__(self, quotas: Quotas | None = None) -> None:
        self._most = (quotas or Quotas()).jobs

    def check(self, tx: Transaction, owner: str) -> None:
        """Do nothing if an owner may queue another job.

        Read in the decision that queues it, so that two at once cannot both be the
        last.

        Raises
        ------
        QuotaExceeded
            It would be one too many.
        """
        if not self._most:
            return
        query = JobQuery(limit=self._most, owner=owner, phases=_UNFINISHED)
        if len(tx.jobs.page(query)) >= self._most:
            raise QuotaExceeded(owner, self._most)
