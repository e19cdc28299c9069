"""The record of a published product."""

import msgspec


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a job published, with its manifest.

    Attributes
    ----------
    id
        The id of the job that made it.
    runs
        uids of the runs that it was made from.
    file, manifest
        Where they lie, relative to the data folder.
    size
        Bytes of the file.
    sha256
        Hash of the file, hexadecimal.
    made
        Unix seconds of its publication.
    """

    id: str
    kind: str
    owner: str
    runs: tuple[str, ...]
    file: str
    manifest: str
    size: int
    sha256: str
    mime_type: str
    made: float
