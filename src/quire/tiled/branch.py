"""Containers of few parts, as a tiled server walks them."""

from abc import ABC, abstractmethod
from typing import Any, Self

from tiled.structures.container import (  # type: ignore[import-untyped]
    ContainerStructure,
)
from tiled.structures.core import (  # type: ignore[import-untyped]
    Spec,
    StructureFamily,
)
from tiled.utils import UnsupportedQueryType  # type: ignore[import-untyped]

from quire.tiled.refusing import ReadOnly


class Branch(ReadOnly, ABC):
    """A container whose parts have names that are known together.

    Parameters
    ----------
    specs
        Pairs of the name and version by which clients choose their class.
    """

    structure_family = StructureFamily.container

    def __init__(
        self, metadata: dict[str, Any], *specs: tuple[str, str | None]
    ) -> None:
        self._metadata = metadata
        self.specs = [Spec(name, version=version) for name, version in specs]
        self._only: frozenset[str] | None = None

    @abstractmethod
    async def all_names(self) -> list[str]:
        """Return the names of its parts, in order."""

    @abstractmethod
    async def lookup_adapter(self, segments: list[str]) -> Any:
        """Return what lies at a path below it.

        Raises
        ------
        NoEntry
            Nothing does.
        """

    def metadata(self) -> dict[str, Any]:
        """Return what is said of it."""
        return self._metadata

    def structure(self) -> ContainerStructure:
        """Return nothing that takes time: clients ask for names by pages."""
        return ContainerStructure(keys=[])

    async def names(self) -> list[str]:
        """Return the names of the parts that were chosen."""
        only = self._only
        return [one for one in await self.all_names() if only is None or one in only]

    async def exact_len(self) -> int:
        """Return how many parts it has."""
        return len(await self.names())

    async def keys_range(self, offset: int = 0, limit: int | None = None) -> list[str]:
        """Return some names."""
        stop = None if limit is None else offset + limit
        return (await self.names())[offset:stop]

    async def items_range(
        self, offset: int = 0, limit: int | None = None
    ) -> list[tuple[str, Any]]:
        """Return some parts by name."""
        names = await self.keys_range(offset, limit)
        return [(name, await self.lookup_adapter([name])) for name in names]

    async def keys_page(
        self, cursor: int | None, limit: int
    ) -> tuple[list[str], int | None]:
        """Return a page of names, and where the next begins."""
        begin = cursor or 0
        found = await self.keys_range(begin, limit)
        more = begin + limit < await self.exact_len()
        return found, begin + limit if more else None

    async def items_page(
        self, cursor: int | None, limit: int
    ) -> tuple[list[tuple[str, Any]], int | None]:
        """Return a page of parts, and where the next begins."""
        names, following = await self.keys_page(cursor, limit)
        return [(name, await self.lookup_adapter([name])) for name in names], following

    async def cursor_for_offset(self, offset: int) -> int | None:
        """Return where a page begins that begins at an offset."""
        return offset or None

    def search(self, query: Any) -> Any:
        """Refuse: runs are searched, their parts are not."""
        raise UnsupportedQueryType(type(query).__name__)

    async def read(self, fields: list[str] | None = None) -> Self:
        """Return itself, with some parts alone, to be exported."""
        if fields is not None:
            self._only = frozenset(fields)
        return self
