"""Quire's runs for the clients of tiled: what a tiled server mounts.

A tiled server whose configuration names `quire.tiled:mount` as a tree shows the runs
of a Quire server, so that ``tiled.client.from_uri`` and bluesky-tiled-plugins read
them unchanged. Written for tiled 0.2.20 and bluesky-tiled-plugins 2.0.12.
"""

from quire.tiled.exporting import export_documents
from quire.tiled.mounting import mount

__all__ = ["export_documents", "mount"]
