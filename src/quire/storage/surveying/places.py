"""Opening the survey of whatever store the settings name."""

from pathlib import Path

from quire.errors import InputError
from quire.runs.searchable import Describe
from quire.storage.surveying.survey import Survey


def open_survey(
    folder: Path, describe: Describe, *, database: str = "", password: str = ""
) -> Survey:
    """Return the survey of a data folder, or of a database if one is named.

    Raises
    ------
    InputError
        There is no store.
    StoreUnavailable
        It is another version's, or cannot be reached.
    """
    if not database:
        from quire.storage.surveying.sqlite_survey import SqliteSurvey

        return SqliteSurvey(folder, describe)
    try:
        from quire.storage.postgres.target import Target
        from quire.storage.surveying.postgres_survey import PostgresSurvey
    except ModuleNotFoundError as missing:
        raise InputError(
            "database", f"needs {missing.name}", "pip install 'quire[postgres]'"
        ) from None
    survey = PostgresSurvey(Target(database, password=password), describe)
    survey.refuse_absent()
    return survey
