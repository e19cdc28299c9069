"""Leadership where there is one server."""


class SoleLeadership:
    """A `quire.ports.leadership.Leadership` without rivals."""

    async def holds(self, task: str) -> bool:
        """Return that this server has the task."""
        del task
        return True

    async def leave(self, task: str) -> None:
        """Leave nothing to nobody."""

    async def aclose(self) -> None:
        """Leave nothing to nobody."""
