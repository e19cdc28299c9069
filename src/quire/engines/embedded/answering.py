"""What the server answers to a runner."""

import logging

from quire.actions.attempts import Attempts
from quire.engines.embedded.messages import (
    Answer,
    Beat,
    Claim,
    Deliver,
    Finish,
    Tell,
)
from quire.errors import AttemptLost, StoreUnavailable

_log = logging.getLogger(__name__)


async def answer(
    attempts: Attempts, job: str, attempt: int, request: "Asked"
) -> Answer:
    """Do what a runner asks for and return what to tell it."""
    try:
        match request:
            case Claim():
                return Answer(assignment=await attempts.claim(job, attempt))
            case Beat():
                await attempts.beat(job, attempt)
            case Tell():
                await attempts.tell(job, attempt, request.event)
            case Deliver():
                await attempts.deliver(job, attempt, request.result)
            case Finish():
                await attempts.finish(job, attempt, request.outcome)
    except AttemptLost:
        return Answer(lost=True)
    except StoreUnavailable:
        return Answer(unavailable=True)
    except Exception as problem:
        _log.exception("attempt %d of job %s: %r", attempt, job, type(request))
        return Answer(problem=f"{type(problem).__name__}: {problem}")
    return Answer()


Asked = Claim | Beat | Tell | Deliver | Finish
