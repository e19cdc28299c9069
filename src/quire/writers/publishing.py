"""Giving a finished product its public name, whole or not at all."""

import os
from pathlib import Path

from quire.errors import Conflict
from quire.jobs.job import StagedProduct


class FolderPublisher:
    """Publishes into one folder by rename (`quire.ports.publisher.Publisher`).

    Parameters
    ----------
    data_folder
        What all paths in the records are relative to.
    folder
        Where products appear, relative to it.
    """

    def __init__(self, data_folder: Path, folder: str = "products") -> None:
        self._data_folder = data_folder
        self._folder = Path(folder)

    def destination(self, staged: StagedProduct) -> tuple[Path, Path]:
        """Return where file and manifest will lie, relative to the data folder."""
        return self._folder / staged.file_name, self._folder / staged.manifest_name

    def publish(self, staged: StagedProduct) -> None:
        """Publish; the manifest first, so that no product is seen without one.

        Raises
        ------
        Conflict
            Something else bears the product's name already.
        """
        file, manifest = (self._data_folder / path for path in self.destination(staged))
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        _move(self._data_folder / staged.manifest, manifest)
        _sync_folder(manifest.parent)
        _move(self._data_folder / staged.part, file)
        _sync_folder(file.parent)


def _move(part: Path, place: Path) -> None:
    """Rename; done already where the part is gone and the place is taken."""
    if not part.exists():
        if place.exists():
            return
        raise FileNotFoundError(part)
    if place.exists():
        raise Conflict("product", place.name, "something else bears this name")
    part.rename(place)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
