"""Versions of installed packages, which stay so while a program runs."""

import functools
from importlib.metadata import version


@functools.cache  # looking one up reads and parses files
def version_of(package: str) -> str:
    """Return the version of a package.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        It is not installed.
    """
    return version(package)
