"""What a tiled server's configuration names."""

from quire.client.connection import Connection
from quire.tiled.catalog import RunsAdapter
from quire.tiled.keeping import KeptStreams
from quire.tiled.source import Source


def mount(
    url: str | None = None, token: str | None = None, keep_mb: int = 256
) -> RunsAdapter:
    """Return the tree of all runs that a token may see.

    Parameters
    ----------
    url, token
        Of the Quire server, and what admits to it; what is not given is found as by
        `quire.connect`.
    keep_mb
        How much of streams that were read is kept at hand, about, in 1e6 bytes.

    Raises
    ------
    NoServer, SeveralServers
        No server is named, and none or more than one is found.
    """
    connection = Connection(url, token)
    return RunsAdapter(Source(connection, KeptStreams(keep_mb * 1_000_000)))
