"""How a demonstration fails."""

from quire.errors import QuireError


class DemonstrationFailed(QuireError):
    """A step of the demonstration did not do what it should."""

    code = "demonstration_failed"

    def __init__(self, step: str, reason: str, mend: str = "") -> None:
        self.step = step
        self.reason = reason
        self.mend = mend
        super().__init__(f"{step}: {reason}" + (f" ({mend})" if mend else ""))
