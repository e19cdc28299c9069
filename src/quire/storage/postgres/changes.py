"""What a decision has touched, so that its commit can tell."""

JOBS = "jobs"
RUNS = "runs"


class Changes:
    """The topics to ring for after the commit."""

    def __init__(self) -> None:
        self._committing: set[str] = set()
        self._topics: set[str] = set()

    def touch(self, topic: str) -> None:
        """Have this topic rung after the commit."""
        self._topics.add(topic)

    def keep(self) -> None:
        """Make the decision's changes the commit's."""
        self._committing |= self._topics
        self._topics = set()

    def undo(self) -> None:
        """Drop the decision's changes."""
        self._topics = set()

    def committed(self) -> set[str]:
        """Return the topics of the commit that has just succeeded, and begin anew."""
        topics, self._committing = self._committing, set()
        return topics

    def abandon(self) -> None:
        """Drop the changes of a commit that failed."""
        self._topics = set()
        self._committing = set()
