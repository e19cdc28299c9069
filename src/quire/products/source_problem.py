"""What blocks a merge until a person has mended a source."""

from quire.errors import QuireError


class SourceProblem(QuireError):
    """A source that is missing, damaged, or cannot be used as the product needs.

    Parameters
    ----------
    source
        The source's name in the specification.
    location
        Where the specification says that it lies.
    reason
        What is wrong with it, naming the HDU (counted from 0) where that helps.
    mend
        What a person can do about it before the job goes on.
    """

    code = "source_problem"

    def __init__(self, source: str, location: str, reason: str, mend: str) -> None:
        self.source = source
        self.location = location
        self.reason = reason
        self.mend = mend
        super().__init__(f"source {source!r} ({location}): {reason} ({mend})")


class SourceChanged(SourceProblem):
    """A source that somebody has written to: it may be torn."""
