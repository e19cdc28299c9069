"""Clients that submit jobs, and what must have become of these in the end."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
from msgspec.structs import replace

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction
from quire.testing.campaigns.server import ServerProcess

RESULT = "label"
"""The id of the result that holds a job's label, for kinds that make one."""

_PAUSE = 0.05
_PAGE = 500
_FINAL = ("COMPLETED", "ABORTED", "ERROR")


class Wish(msgspec.Struct, kw_only=True):
    """A job that a client wants, and what it was told of it.

    Attributes
    ----------
    label
        Its ``run_id``, which no other job has.
    job
        Its id, empty until a server has acknowledged it.
    aborted
        Whether a server has answered that it is ABORTED.
    """

    label: str
    kind: str
    parameters: dict[str, object]
    to_abort: bool
    job: str = ""
    aborted: bool = False


class JobClient:
    """Keeps some jobs under way, at any of several servers, and remembers all of them.

    A submission without an answer is sent again, with the same key, until a server has
    acknowledged it.

    Parameters
    ----------
    kinds
        Which to ask for, with parameters; the label is added to those that take it.
    labelled
        Kinds that take a parameter ``LABEL``.
    at_once
        How many are under way.
    hasty
        Take a job for acknowledged before the answer, and never ask again: what the
        negative control does wrong.
    """

    def __init__(  # what one client is
        self,
        seed: int,
        kinds: Mapping[str, Mapping[str, object]],
        *,
        labelled: frozenset[str],
        at_once: int = 8,
        hasty: bool = False,
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311  # repeatable, no secret
        self._kinds = {name: dict(given) for name, given in kinds.items()}
        self._labelled = labelled
        self._at_once = at_once
        self._hasty = hasty
        self._open: list[Wish] = []
        self.wishes: list[Wish] = []
        self.refused: list[str] = []

    def submit_to(
        self, servers: Sequence[ServerProcess], gone: threading.Event
    ) -> None:
        """Submit until told to end."""
        while not gone.is_set():
            if len(self._open) < self._at_once:
                wish = self._wish()
                self.wishes.append(wish)
                self._open.append(wish)
            wish = self._dice.choice(self._open)
            try:
                with self._dice.choice(servers).http() as http:
                    over = self._see_to(http, wish)
            except httpx.TransportError:
                over = self._hasty
            if over:
                self._open.remove(wish)
            gone.wait(_PAUSE)

    def settle(self, servers: Sequence[ServerProcess], until: float) -> None:
        """Have what was not acknowledged submitted, now that all is well.

        Parameters
        ----------
        until
            Seconds that it may take.
        """
        waiting, tick = threading.Event(), 0.0
        while (left := [one for one in self._open if not one.job]) and tick < until:
            for wish in left:
                try:
                    with servers[0].http() as http:
                        self._submit(http, wish)
                except httpx.TransportError:
                    waiting.wait(_PAUSE)
            tick += _PAUSE

    def _wish(self) -> Wish:
        kind = self._dice.choice(list(self._kinds))
        label = str(uuid.UUID(int=self._dice.getrandbits(128)))
        own = {"LABEL": label} if kind in self._labelled else {}
        return Wish(
            label=label,
            kind=kind,
            parameters={**self._kinds[kind], **own},
            to_abort=self._dice.random() < 1 / 8,
        )

    def _see_to(self, http: httpx.Client, wish: Wish) -> bool:
        """Go on with a job; return whether it needs no more attention."""
        if not wish.job:
            if self._hasty:
                wish.job = "taken for granted"
            return self._submit(http, wish) and self._hasty
        if wish.to_abort and not wish.aborted:
            answer = http.post(f"/api/v1/jobs/{wish.job}/abort")
            if answer.is_success and answer.json()["phase"] == Phase.ABORTED:
                wish.aborted = True
            elif answer.status_code == httpx.codes.CONFLICT:
                wish.to_abort = False  # it was over already
            return wish.aborted
        answer = http.get(f"/api/v1/jobs/{wish.job}")
        return answer.is_success and answer.json()["phase"] in _FINAL

    def _submit(self, http: httpx.Client, wish: Wish) -> bool:
        wanted = {
            "kind": wish.kind,
            "parameters": wish.parameters,
            "run_id": wish.label,
            "run": True,
        }
        key = {"Idempotency-Key": wish.label}
        answer = http.post("/api/v1/jobs", json=wanted, headers=key)
        if answer.is_success:
            wish.job = answer.json()["id"]
            return True
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            self.refused.append(f"{answer.status_code}: {answer.text[:200]}")
        return self._hasty


class JobFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of jobs.

    Attributes
    ----------
    given_up
        Those that have failed because their attempts were lost too often, as their
        owner is told.
    lost
        Acknowledged, and not there.
    problems
        Jobs lost, without an end or with two, with another's result or none: at most
        one for each.
    """

    jobs: int
    attempts: int
    aborted: int
    given_up: int
    lost: int
    problems: tuple[str, ...]


def judge(
    tx: Transaction, wishes: Sequence[Wish], data_folder: Path, labelled: frozenset[str]
) -> JobFigures:
    """Set what clients were told against what a store has."""
    jobs = {job.id: job for job in _every(tx)}
    labels = Counter(job.run_id for job in jobs.values())
    lost = [one.label for one in wishes if one.job and not labels[one.label]]
    problems = [f"{label} is lost" for label in lost]
    problems += [f"{label} was made {n} times" for label, n in labels.items() if n > 1]
    aborted = {one.job for one in wishes if one.aborted}
    for job in jobs.values():
        found = _problem(tx, job, data_folder, labelled=job.kind in labelled)
        if job.id in aborted and job.phase is not Phase.ABORTED:
            found = f"was aborted, and is {job.phase}"
        if found:
            problems.append(f"{job.kind} {job.id} {found}")
    ended = Counter(job.phase for job in jobs.values())
    return JobFigures(
        jobs=len(jobs),
        attempts=sum(job.attempt for job in jobs.values()),
        aborted=ended[Phase.ABORTED],
        given_up=ended[Phase.ERROR],
        lost=len(lost),
        problems=tuple(problems),
    )


def _every(tx: Transaction) -> Iterator[Job]:
    query = JobQuery(limit=_PAGE)
    while page := tx.jobs.page(query):
        yield from page
        query = replace(query, before=(page[-1].created, page[-1].id))


def _problem(tx: Transaction, job: Job, folder: Path, *, labelled: bool) -> str:
    ends = sum(one.event.type.final for one in tx.progress.entries(job.id, 0, 1000))
    if ends != 1:
        return f"is {job.phase} with {ends} ends"
    match job.phase:
        case Phase.ABORTED:
            return ""
        case Phase.ERROR if job.error and job.error.code in _GIVEN_UP:
            return ""
        case Phase.COMPLETED if not labelled:
            return ""
        case Phase.COMPLETED:
            return _result_problem(job, folder)
        case _:
            return f"is {job.phase}: {job.error}"


_GIVEN_UP = frozenset({"attempt_lost", "server_lost"})


def _result_problem(job: Job, folder: Path) -> str:
    if [one.id for one in job.results] != [RESULT]:
        return f"has results {job.results}"
    try:
        text = (folder / job.results[0].path).read_text()
    except OSError as problem:
        return f"has lost its result: {problem}"
    return "" if text == job.run_id else f"has the result {text!r}"
