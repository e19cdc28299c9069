"""What a batch of documents adds to one stream."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from quire.runs.intervals import of_numbers, union
from quire.runs.run import Stream


@dataclass(slots=True, kw_only=True)
class Growth:
    """Rows of one descriptor, gathered; it alone here may change.

    Attributes
    ----------
    numbers
        Sequence numbers of events.
    ranges
        Closed ranges of sequence numbers of external data.
    times
        Of the events, Unix seconds.
    events
        How many events, those without a usable number or time included.
    """

    numbers: list[int] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    events: int = 0

    def as_stream(self) -> Stream:
        """Return it as a stream of which nothing else is known."""
        return Stream(
            seq_nums=union(of_numbers(self.numbers), self.ranges),
            events=self.events,
            first_time=min(self.times, default=None),
            last_time=max(self.times, default=None),
        )


def together(stream: Stream, more: Stream) -> Stream:
    """Return a stream with the rows of another added."""
    firsts = [t for t in (stream.first_time, more.first_time) if t is not None]
    lasts = [t for t in (stream.last_time, more.last_time) if t is not None]
    return replace(
        stream,
        seq_nums=union(stream.seq_nums, more.seq_nums),
        events=stream.events + more.events,
        first_time=min(firsts, default=None),
        last_time=max(lasts, default=None),
    )
