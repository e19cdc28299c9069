"""Marks in the job's own row: they go with what the attempt tells of itself."""

from collections.abc import Callable, Mapping

Keep = Callable[[str, dict[str, str | None]], None]
"""Told what has been done, for people, and the marks that change; durable then."""


class RowMarks:
    """Marks that a server keeps (`quire.ports.transfer.Marks`).

    Parameters
    ----------
    known
        Those of earlier attempts.
    """

    def __init__(self, known: Mapping[str, str], keep: Keep) -> None:
        self._known = dict(known)
        self._keep = keep

    def find(self, name: str) -> bytes | None:
        """Return what a mark says."""
        said = self._known.get(name)
        return None if said is None else said.encode()

    def put(self, name: str, content: bytes, says: str) -> None:
        """Make a mark."""
        self._keep(says, {name: content.decode()})
        self._known[name] = content.decode()

    def remove(self, name: str) -> None:
        """Take a mark back."""
        if self._known.pop(name, None) is not None:
            self._keep(f"{name} is used up", {name: None})
