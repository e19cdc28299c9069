"""The publisher that puts products into one folder."""

from pathlib import Path

from quire.jobs.job import StagedProduct
from quire.writers.fits.publish import publish_files

PRODUCTS = "products"
"""The folder's name within a data folder."""


class FolderPublisher:
    """Publishes by rename into a folder (`quire.ports.publisher.Publisher`).

    Parameters
    ----------
    data_folder
        What all paths in the records are relative to.
    folder
        Where products appear, relative to it.
    """

    def __init__(self, data_folder: Path, folder: str = PRODUCTS) -> None:
        self._data_folder = data_folder
        self._folder = Path(folder)

    def destination(self, staged: StagedProduct) -> tuple[Path, Path]:
        """Return where file and manifest will lie, relative to the data folder."""
        return self._folder / staged.file_name, self._folder / staged.manifest_name

    def publish(self, staged: StagedProduct) -> None:
        """Publish; see `quire.writers.fits.publish.publish_files`."""
        file, manifest = (self._data_folder / path for path in self.destination(staged))
        publish_files(
            self._data_folder / staged.part,
            self._data_folder / staged.manifest,
            file=file,
            manifest=manifest,
            sha256=staged.sha256,
            beside={
                self._data_folder / part: file.with_name(name)
                for name, part in staged.beside.items()
            },
        )
