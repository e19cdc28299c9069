"""Quire: the flight recorder and product factory of a science facility.

The public names load what they need when they are first used, so that neither a
server nor a worker loads the client.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "connect": "quire.client.catalog",
    "submit": "quire.client.jobs",
    "writer": "quire.client.writer",
}

__all__ = ["__version__", "connect", "submit", "writer"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("quire")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
