"""The kind `project`."""

from quire.kinds.project.kind import ProjectKind, writers

__all__ = ["ProjectKind", "writers"]
