"""The kind `merge`: an acquisition, by ESO's data product specification."""

from quire.kinds.merge.kind import MergeKind, Openness

__all__ = ["MergeKind", "Openness"]
