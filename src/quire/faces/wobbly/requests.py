"""What requests ask for."""

from typing import Any

from starlette.datastructures import QueryParams

from quire.actions.outside_jobs import NewJob
from quire.errors import NotFound
from quire.faces.wobbly.errors import Detail, Invalid
from quire.faces.wobbly.links import read_cursor
from quire.faces.wobbly.reading import Fields, seconds_of
from quire.jobs.job import JobError, OutsideResult
from quire.jobs.outside import (
    Aborted,
    Completed,
    Executing,
    Failed,
    Queued,
    Report,
    Rescheduled,
)
from quire.jobs.phases import Phase
from quire.ports.job_numbers import NumberQuery, Place

_BODY = ("body",)
_LONGEST_NUMBER = 18
_LARGEST_LIMIT = 2**31 - 1


class Search:
    """What a list is asked for.

    Attributes
    ----------
    query
        Without its limit.
    limit
        None for all.
    behind
        The page that ends before this place, instead of one that begins at one.
    begin
        Where the page begins, None for the newest.

    Raises
    ------
    Invalid
        A parameter is wrong; all that are wrong are told.
    """

    def __init__(self, given: QueryParams) -> None:
        wrong: list[Detail] = []
        self.limit = _limit(given, wrong)
        phases = _phases(given, wrong)
        since = _since(given, wrong)
        self.begin: Place | None = None
        self.behind: Place | None = None
        if "cursor" in given:
            cursor = read_cursor(given["cursor"])
            if cursor is None:
                wrong.append(_wrong("cursor", "invalid_cursor", "Invalid cursor"))
            elif cursor.previous:
                self.behind = cursor.place
            else:
                self.begin = cursor.place
        if wrong:
            raise Invalid(wrong)
        self.query = NumberQuery(limit=0, phases=phases, since=since, begin=self.begin)

    @property
    def paged(self) -> bool:
        """Whether links to other pages are wanted."""
        return not (self.limit is None and self.begin is None and self.behind is None)


def job_number(text: str) -> int:
    """Return a job's number.

    Raises
    ------
    NotFound
        It is none that could ever have been given.
    """
    plain = text.isascii() and text.isdecimal() and not text.startswith("0")
    if not plain or len(text) > _LONGEST_NUMBER:
        raise NotFound("job", text[:40])
    return int(text)


def new_job(body: Any) -> NewJob:
    """Return the job that a body describes.

    Raises
    ------
    Invalid
        A field is wrong; all that are wrong are told.
    """
    fields = Fields(body, _BODY)
    new = NewJob(
        parameters=fields.json_object("json_parameters"),
        run_id=fields.optional_text("run_id") or "",
        destruction=fields.time("destruction_time"),
        execution_duration=fields.duration("execution_duration"),
    )
    fields.check()
    return new


def report(body: Any) -> Report:
    """Return what a body reports of a job, judged by its phase alone.

    Raises
    ------
    Invalid
        A field is wrong; all that are wrong are told.
    """
    fields = Fields(body, _BODY)
    fields.check()
    match fields.raw("phase"):
        case "QUEUED":
            told: Report = Queued(message_id=fields.nullable_text("message_id"))
        case "EXECUTING":
            told = Executing(started=fields.time("start_time"))
        case "COMPLETED":
            told = Completed(results=_results(fields))
        case "ERROR":
            told = Failed(errors=_errors(fields))
        case "ABORTED":
            told = Aborted()
        case None:
            told = Rescheduled(
                destruction=fields.time("destruction_time"),
                execution_duration=fields.duration("execution_duration", required=True),
            )
        case _:
            known = "QUEUED, EXECUTING, COMPLETED, ERROR, ABORTED or null"
            fields.refuse("phase", "union_tag_invalid", f"Input should be {known}")
            told = Aborted()  # never used: the check raises
    fields.check()
    return told


def _results(fields: Fields) -> tuple[OutsideResult, ...]:
    results: dict[str, OutsideResult] = {}
    for one in fields.objects("results"):
        result = OutsideResult(
            id=one.text("id"),
            url=one.text("url"),
            size=one.size("size"),
            mime_type=one.optional_text("mime_type"),
        )
        if result.id in results and one.has("id"):
            one.refuse("id", "duplicate_result", f"There are two {result.id!r:.60}")
        results[result.id] = result
    return tuple(results.values())


def _errors(fields: Fields) -> tuple[JobError, ...]:
    errors = []
    for one in fields.objects("errors"):
        kind = one.text("type")
        if kind not in ("transient", "fatal") and one.has("type"):
            one.refuse("type", "enum", "Input should be 'transient' or 'fatal'")
        errors.append(
            JobError(
                type="transient" if kind == "transient" else "fatal",
                code=one.text("code"),
                message=one.text("message"),
                detail=one.optional_text("detail") or "",
            )
        )
    if fields.raw("errors") == []:
        fields.refuse("errors", "too_short", "There should be at least one error")
    return tuple(errors)


def _limit(given: QueryParams, wrong: list[Detail]) -> int | None:
    text = given.get("limit")
    if text is None:
        return None
    digits = text.strip().removeprefix("+")
    if not (digits.isascii() and digits.removeprefix("-").isdecimal()):
        wrong.append(_wrong("limit", "int_parsing", "Input should be an integer"))
        return None
    if digits.startswith("-") or not digits.strip("0"):
        message = "Input should be greater than or equal to 1"
        wrong.append(_wrong("limit", "greater_than_equal", message))
        return None
    return min(int(digits[:_LONGEST_NUMBER]), _LARGEST_LIMIT)


def _phases(given: QueryParams, wrong: list[Detail]) -> frozenset[Phase]:
    phases = set()
    for place, text in enumerate(given.getlist("phase")):
        try:
            phases.add(Phase(text))
        except ValueError:
            message = f"Input should be one of {', '.join(Phase)}"
            where = ("query", "phase", place)
            wrong.append(Detail(type="enum", loc=where, msg=message))
    return frozenset(phases)


def _since(given: QueryParams, wrong: list[Detail]) -> float | None:
    text = given.get("since")
    if text is None:
        return None
    seconds = seconds_of(text)
    if seconds is None:
        message = "Input should be a valid datetime"
        wrong.append(_wrong("since", "datetime_parsing", message))
    return seconds


def _wrong(name: str, kind: str, message: str) -> Detail:
    return Detail(type=kind, loc=("query", name), msg=message)
