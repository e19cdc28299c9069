"""A newer Quire: this one, with further steps of the schema."""

from collections.abc import Mapping
from pathlib import Path

import quire

_MIGRATIONS = Path("storage/postgres/migrations")


def make_newer(folder: Path, steps: Mapping[int, str]) -> Path:
    """Return the folder for ``PYTHONPATH``.

    Parameters
    ----------
    steps
        What the files of further steps hold, by their numbers.
    """
    (package,) = map(Path, quire.__path__)
    # Of links, but for the folders on the way to the files that are new.
    here = folder / "quire"
    for part in (*reversed(_MIGRATIONS.parents), _MIGRATIONS):
        (here / part).unlink(missing_ok=True)
        (here / part).mkdir(parents=True, exist_ok=True)
        for entry in (package / part).iterdir():
            if entry.name != "__pycache__":
                (here / part / entry.name).symlink_to(entry)
    for number, text in steps.items():
        (here / _MIGRATIONS / f"{number:04}_later.sql").write_text(text)
    return folder
