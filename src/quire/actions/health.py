"""How the server is."""

from typing import Any

from quire.ports.store import Store


class Health:
    """Answers whether the server can keep its promises now.

    Attributes
    ----------
    about
        What the server is: name, version, data folder, start in Unix seconds.
    """

    def __init__(self, store: Store, about: dict[str, Any]) -> None:
        self._store = store
        self.about = about

    async def trouble(self) -> str:
        """Return why documents cannot be taken now, empty if they can."""
        return await self._store.ready()
