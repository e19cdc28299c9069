"""Every error that Quire raises on purpose.

QuireError
 ├── InputError             what was sent is wrong; names the field and the mend
 │    ├── ManyInputErrors   several of them, all at once
 │    └── TooLarge          a body, a document or a list beyond its limit
 ├── NotFound              nothing there under that name
 ├── Ambiguous             several answer to that name
 ├── Conflict              something else stands there already
 ├── PhaseConflict         not possible in the job's present phase
 ├── Unauthenticated       nobody we know
 ├── Forbidden             known, but not allowed
 ├── StoreUnavailable      the store cannot promise durability now
 │    └── StoreFull         because the disk is full
 └── AttemptLost           a newer attempt, an abort or a deadline has overtaken

An error carries a code and typed arguments. It knows no protocol: each face maps
codes to its own.
"""

from collections.abc import Sequence
from typing import ClassVar


class QuireError(Exception):
    """The root of all of them."""

    code: ClassVar[str] = "error"


class InputError(QuireError):
    """A value that cannot be used.

    Parameters
    ----------
    field
        Where it stands: a JSON Pointer (RFC 6901), a parameter or an option.
    reason
        What is wrong with it.
    mend
        What would be right, if that is not plain from the reason.
    """

    code = "invalid_input"

    def __init__(self, field: str, reason: str, mend: str = "") -> None:
        self.field = field
        self.reason = reason
        self.mend = mend
        place = f"{field}: " if field else ""  # a pointer to the whole is empty
        super().__init__(f"{place}{reason}" + (f" ({mend})" if mend else ""))


class ManyInputErrors(InputError):
    """Several values that cannot be used, told all at once."""

    code = "invalid_input"

    def __init__(self, errors: Sequence[InputError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.field, first.reason, first.mend)
        self.args = ("; ".join(str(error) for error in self.errors),)


class TooLarge(InputError):
    """More than the limit allows."""

    code = "too_large"

    def __init__(self, field: str, limit: int, unit: str = "bytes") -> None:
        self.limit = limit
        self.unit = unit
        super().__init__(field, f"more than {limit} {unit}", "send less at a time")


class NotFound(QuireError):
    """Nothing answers to that name, or nothing that the principal may see."""

    code = "not_found"

    def __init__(self, what: str, name: str, mend: str = "") -> None:
        self.what = what
        self.name = name
        self.mend = mend
        super().__init__(f"no {what} {name!r}" + (f": {mend}" if mend else ""))


class Ambiguous(QuireError):
    """Several answer to that name."""

    code = "ambiguous"

    def __init__(self, what: str, name: str, candidates: Sequence[str]) -> None:
        self.what = what
        self.name = name
        self.candidates = tuple(candidates)
        super().__init__(f"{name!r} fits several {what}s: {', '.join(self.candidates)}")


class Conflict(QuireError):
    """Something else is there already under that name."""

    code = "conflict"

    def __init__(self, what: str, name: str, reason: str) -> None:
        self.what = what
        self.name = name
        self.reason = reason
        super().__init__(f"{what} {name!r}: {reason}")


class PhaseConflict(QuireError):
    """The job's phase does not allow it."""

    code = "wrong_phase"

    def __init__(self, job: str, phase: str, cause: str) -> None:
        self.job = job
        self.phase = phase
        self.cause = cause
        super().__init__(f"job {job} is {phase}: {cause} is not possible now")


class Unauthenticated(QuireError):
    """Nobody that we know."""

    code = "unauthenticated"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Forbidden(QuireError):
    """Known, but not allowed."""

    code = "forbidden"

    def __init__(self, principal: str, needs: str) -> None:
        self.principal = principal
        self.needs = needs
        super().__init__(f"{principal} may not: this needs {needs}")


class StoreUnavailable(QuireError):
    """The store cannot promise durability now; nothing was acknowledged."""

    code = "store_unavailable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the store is not available: {reason}")


class StoreFull(StoreUnavailable):
    """No space left where the store lives; nothing was acknowledged."""

    code = "store_full"


class AttemptLost(QuireError):
    """The attempt may no longer commit: it was overtaken or ended."""

    code = "attempt_lost"

    def __init__(self, job: str, attempt: int) -> None:
        self.job = job
        self.attempt = attempt
        super().__init__(f"attempt {attempt} of job {job} is over")
