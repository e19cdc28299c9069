"""Who may see a job, and planning it as its kind understands it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.seeing import may_see
from quire.errors import Conflict, Forbidden, InputError, NotFound
from quire.jobs.job import Job
from quire.jobs.parameters import Upload, merged, restored
from quire.ports.kind import Claim, Kind, Plan
from quire.ports.store import Transaction


def visible_job(tx: Transaction, job: str, principal: Principal) -> Job:
    """Return a job that the principal may see.

    Raises
    ------
    NotFound
        There is none of that id, or it is somebody else's.
    """
    found = tx.jobs.get(job)
    if found is None or not principal.can_see(found.owner):
        raise NotFound("job", job)
    return found


def admitted_job(tx: Transaction, job: str, kind: str, principal: Principal) -> Job:
    """Return a job of a kind, telling what is not there from what is not shown.

    UWS 1.1, section 3, has it so; the ids are not to be guessed.

    Raises
    ------
    NotFound
        There is none of that id and kind.
    Forbidden
        It is somebody else's.
    """
    found = tx.jobs.get(job)
    if found is None or found.kind != kind:
        raise NotFound("job", job)
    if not principal.can_see(found.owner):
        raise Forbidden(principal.name, "to be the owner of this job")
    return found


def plan_job(
    kind: Kind, given: Mapping[str, Any], former: Mapping[str, Any] | None = None
) -> Plan:
    """Return what a kind makes of parameters, those of an earlier plan kept beneath."""
    if former is not None:
        given = merged(restored(kind.parameters, former), given)
    plan = kind.plan(given)
    return msgspec.structs.replace(plan, parameters=_plain(plan.parameters))


def plan_again(
    tx: Transaction,
    kind: Kind,
    job: Job,
    given: Mapping[str, Any],
    principal: Principal,
) -> Plan:
    """Return the plan of a job with some parameters changed, its names reserved."""
    plan = plan_job(kind, given, job.parameters)
    check_plan(tx, plan, job.id, principal)
    return plan


def check_plan(tx: Transaction, plan: Plan, job: str, principal: Principal) -> None:
    """Reserve the names that a job needs and see that its runs are there.

    Raises
    ------
    Conflict
        A name is taken.
    InputError
        There is no such run that the principal may see, or the plan is not for all.
    """
    if plan.reserved and not principal.is_admin:
        mend = "have an administrator declare them, or queue it"
        raise InputError("/parameters", plan.reserved, mend)
    check_runs(tx, plan.runs, principal)
    for claim in plan.claims:
        reserve(tx, claim, job)


def check_runs(tx: Transaction, runs: Iterable[str], principal: Principal) -> None:
    """Do nothing if the principal may see the runs that a job works on.

    Asked each time that it is queued: who saw them when it was made may have left
    their group since.

    Raises
    ------
    InputError
        There is no such run that the principal may see.
    """
    for uid in runs:
        run = tx.runs.get(uid)
        if run is None or not may_see(principal, run):
            raise InputError("/parameters/RUN", f"no run {uid!r}", "give its full uid")


def reserve(tx: Transaction, claim: Claim, job: str) -> None:
    """Take a name for a job.

    Raises
    ------
    Conflict
        Another job has it.
    """
    holder = tx.jobs.reserve(claim.space, claim.name, job)
    if holder != job:
        raise Conflict(
            claim.space,
            claim.name,
            f"used by job {holder} already; {claim.field} takes a new one",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Upload):
        return msgspec.to_builtins(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
