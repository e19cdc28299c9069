"""What the routes of this face take in the address, and what they give."""

from collections.abc import Mapping

from quire.faces.uws.sending import ACTION, DESTRUCTION, DURATION, PHASE, RUNID
from quire.faces.uws.xml import MEDIA_TYPE
from quire.jobs.phases import Phase
from quire.web.description import Operation, Parameter

NAME = Parameter(says="A parameter of the kind, by its own name; in the body as well.")
_RUNID = Parameter(says="The client's own name for the job.")
_DURATION = Parameter(says="Seconds that the job may take, 0 for any number.", type=int)
_DESTRUCTION = Parameter(says="When the job is destroyed, ISO 8601; empty for never.")
_FORMAT = Parameter(says="xml or html; else by Accept.")
_MADE = {
    RUNID: _RUNID,
    DURATION: _DURATION,
    DESTRUCTION: _DESTRUCTION,
    "NAME": NAME,
}

XML = Operation(answers={200: str}, answer_types=(MEDIA_TYPE,))
TEXT = Operation(answers={200: str}, answer_types=("text/plain",))
SEE = Operation(answers={303: None}, answer_types=())


def described(query: Mapping[str, Parameter]) -> Operation:
    """Return what gives XML and takes these."""
    return Operation(query=query, answers={200: str}, answer_types=(MEDIA_TYPE,))


def form(query: Mapping[str, Parameter]) -> Operation:
    """Return what takes these by a form, or in the address."""
    return Operation(
        query=query,
        body=dict,
        body_types=("application/x-www-form-urlencoded", "multipart/form-data"),
        answers={303: None},
        answer_types=(),
    )


LIST = described(
    {
        PHASE: Parameter(says="Only jobs in these.", type=Phase, many=True),
        "AFTER": Parameter(says="Only jobs created after this time, ISO 8601."),
        "LAST": Parameter(says="Only so many, the newest.", type=int),
        RUNID: _RUNID,
        "format": _FORMAT,
    }
)
ONE = described(
    {
        "WAIT": Parameter(says="Seconds to wait for another phase; -1.", type=int),
        PHASE: Parameter(says="Wait only while the job is in this.", type=Phase),
        "format": _FORMAT,
    }
)
DESCRIPTION = described({"format": Parameter(says="votable or json; else by Accept.")})
SYNC = Operation(query=_MADE, answers={303: None}, answer_types=())
SYNC_FORM = form(_MADE)
MAKING = form({**_MADE, PHASE: Parameter(says="RUN runs the job.")})
TURNING = form({PHASE: Parameter(says="RUN or ABORT.")})
LIMITING = form({DURATION: _DURATION})
ENDING = form({DESTRUCTION: _DESTRUCTION})
PUTTING = form({RUNID: _RUNID, "NAME": NAME})
VALUE = form({"VALUE": Parameter(says="The value."), "NAME": NAME})
CHANGING = form(
    {
        ACTION: Parameter(says="DELETE forgets the job."),
        PHASE: Parameter(says="RUN or ABORT."),
        RUNID: _RUNID,
        "NAME": NAME,
    }
)
