"""The kind `merge`: an acquisition, by ESO's data product specification."""

from quire.kinds.merge.kind import MergeKind

__all__ = ["MergeKind"]
