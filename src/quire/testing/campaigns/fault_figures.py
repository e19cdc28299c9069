"""What a campaign of failing calls came to."""

import msgspec


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What failing one kind of call came to.

    Attributes
    ----------
    failures
        How many calls failed, each in a round of its own.
    refused
        Rounds whose failure a client was told of. The others' hit what follows a reply,
        or what shared a commit with the request, which was then tried again alone.
    problems
        Empty if all was as it must be.
    """

    name: str
    failures: int = 0
    refused: int = 0
    problems: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the closing line."""
        told = "; ".join(self.problems[:3]) or "nothing acknowledged was lost"
        return f"{self.name:18} {self.failures:5} failed, {self.refused:5} told: {told}"
