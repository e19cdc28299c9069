"""What the server's site adds to projections, as its clients know it."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from quire.client.connection import Connection
from quire.products.projection.entries import Projection, read_projection
from quire.products.projection.functions import Declaration, Function, declared

_PATH = "/api/v1/projections"


@dataclass(frozen=True, kw_only=True)
class SiteAsTold:
    """A site.

    Attributes
    ----------
    projections
        The configured ones, by name.
    functions
        All that its entries may call, by name; they can be asked for, and not called.
    """

    projections: Mapping[str, Projection]
    functions: Mapping[str, Function]


def site_of(connection: Connection) -> SiteAsTold:
    """Return what a server says of its site."""
    told = connection.get(_PATH)
    projections = (read_projection(one, one["name"]) for one in told["configured"])
    functions = (
        declared(msgspec.convert(one["declaration"], Declaration))
        for one in told["functions"]
    )
    return SiteAsTold(
        projections={one.name: one for one in projections},
        functions={one.name: one for one in functions},
    )
