"""Finding the route of a request without trying all of them.

Starlette tries its routes one by one, a regular expression each; a server of all faces
has hundreds of them, and most of a small request's time went there.
"""

from collections.abc import Sequence
from typing import Any

from starlette.convertors import PathConvertor
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_CHOSEN = "quire.chosen"


class _Node:
    """What begins with the same segments.

    Attributes
    ----------
    literal, placed
        What goes on with a certain segment, and with any.
    ending, reaching
        Routes that end here, and those that take whatever follows; with their rank.
    """

    __slots__ = ("ending", "literal", "placed", "reaching")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.placed: _Node | None = None
        self.ending: list[tuple[int, Route]] = []
        self.reaching: list[tuple[int, Route]] = []

    def gather(
        self, segments: Sequence[str], place: int, found: list[tuple[int, Route]]
    ) -> None:
        """Add the routes that may be meant by what follows a place."""
        found += self.reaching
        if place == len(segments):
            found += self.ending
            return
        literal = self.literal.get(segments[place])
        if literal is not None:
            literal.gather(segments, place + 1, found)
        if self.placed is not None:
            self.placed.gather(segments, place + 1, found)


class RouteIndex(BaseRoute):
    """All routes, as one: of several that match the first answers.

    Parameters
    ----------
    routes
        In the order in which they are to be tried.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._root = _Node()
        for rank, route in enumerate(routes):
            self._add(rank, route)
        # Of paths without a place it is known beforehand what they may mean.
        self._plain = {
            route.path: self._found(route.path)
            for route in routes
            if not route.param_convertors
        }

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a route answers a request, as Starlette asks."""
        if scope["type"] != "http":
            return Match.NONE, {}
        method = scope["method"]
        others: list[Route] = []
        for route in self._candidates(scope):
            if route.methods and method not in route.methods:
                others.append(route)
                continue
            match, child = route.matches(scope)
            if match is Match.FULL:
                child[_CHOSEN] = route
                return match, child
        for route in others:
            match, child = route.matches(scope)
            if match is Match.PARTIAL:
                child[_CHOSEN] = route
                return match, child
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the route that was found answer."""
        await scope[_CHOSEN].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Refuse: nothing here is named."""
        raise NotImplementedError(name, path_params)

    def _candidates(self, scope: Scope) -> Sequence[Route]:
        path: str = scope["path"]
        root: str = scope.get("root_path", "")
        if root and path.startswith(root):
            path = path[len(root) :]
        plain = self._plain.get(path)
        return self._found(path) if plain is None else plain

    def _found(self, path: str) -> Sequence[Route]:
        found: list[tuple[int, Route]] = []
        self._root.gather(path.split("/"), 0, found)
        found.sort(key=_rank)
        return [route for _, route in found]

    def _add(self, rank: int, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/"):
            name = segment.partition("{")[2].partition("}")[0].partition(":")[0]
            if not name:
                node = node.literal.setdefault(segment, _Node())
            elif isinstance(route.param_convertors[name], PathConvertor):
                node.reaching.append((rank, route))
                return
            else:
                node.placed = node.placed or _Node()
                node = node.placed
        node.ending.append((rank, route))


def _rank(ranked: tuple[int, Route]) -> int:
    return ranked[0]
