from pathlib import Path

import pytest

from quire.app.keeping import named
from quire.config import Settings
from quire.errors import InputError

URL = "postgresql://me@host/name"
SECRET = "hush"  # noqa: S105
TABLE = f'[database]\nurl = "{URL}"\npassword = "{SECRET}"\nwriters = 3\n'


def _load(folder: Path, text: str = "", **flags: str) -> Settings:
    (folder / "quire.toml").write_text(text)
    environment = {name[1:]: flags.pop(name) for name in list(flags) if name[0] == "_"}
    return Settings.load(environment=environment, data_folder=folder, **flags)


def test_a_table_a_text_the_environment_and_a_flag(tmp_path: Path) -> None:
    assert _load(tmp_path).database.url == ""
    found = _load(tmp_path, TABLE).database
    assert (found.url, found.password, found.writers) == (URL, SECRET, 3)
    assert _load(tmp_path, f'database = "{URL}"').database.url == URL
    for given in (
        {"_QUIRE_DATABASE": "postgresql:///x"},
        {"database": "postgresql:///x"},
    ):
        found = _load(tmp_path, TABLE, **given).database
        assert (found.url, found.password) == ("postgresql:///x", SECRET)
        assert _load(tmp_path, 'database = "y"', **given).database.url == found.url


def test_the_text_of_settings_shows_no_password(tmp_path: Path) -> None:
    assert SECRET not in repr(_load(tmp_path, TABLE))


def test_no_writers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="writers"):
        _load(tmp_path, "[database]\nwriters = 0\n")


def test_only_servers_on_a_database_have_a_name(tmp_path: Path) -> None:
    assert named(_load(tmp_path, name="a"), port=5).name == ""
    assert named(_load(tmp_path, TABLE, name="a"), port=5).name == "a"
    assert named(_load(tmp_path, TABLE), port=5).name.endswith("-5")
