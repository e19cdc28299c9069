"""The keyword dictionaries that lie in a folder, one TOML file each."""

from pathlib import Path

from quire.errors import InputError, ManyInputErrors
from quire.products.keyword_dictionary import (
    Dictionaries,
    KeywordDictionary,
    read_dictionary,
)
from quire.products.specification import DataProductSpecification

DICTIONARIES = "dictionaries"
"""The folder's name within a data folder."""

_SUFFIX = ".toml"


def dictionaries_in(
    folder: Path, specification: DataProductSpecification, *, at: str = ""
) -> Dictionaries | None:
    """Return the dictionaries of a specification, None if nothing is to be checked.

    Nothing is checked where the specification names none, or none lie in the folder.

    Parameters
    ----------
    at
        Goes before the place of an error.

    Raises
    ------
    InputError
        One is not there, or cannot be read; all errors at once.
    """
    names = specification.keyword_dictionaries
    if not names:
        return None
    known = {path.name: path for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    if not known:
        return None
    found: list[KeywordDictionary] = []
    wrong: list[InputError] = []
    for place, name in enumerate(names):
        # ESO's names end in .did: instrument.did is instrument.did.toml here.
        path = known.get(f"{name}{_SUFFIX}") or known.get(name)
        field = f"{at}/keywordDictionaries/{place}"
        if path is None:
            listed = ", ".join(one.removesuffix(_SUFFIX) for one in known)
            reason = f"there is no dictionary {name!r}"
            wrong.append(InputError(field, reason, f"there are {listed}"))
            continue
        try:
            found.append(read_dictionary(name, path.read_text("utf-8")))
        except InputError as fault:
            wrong.append(InputError(field, str(fault), "mend the dictionary"))
        except (OSError, UnicodeDecodeError) as fault:
            reason = f"{path} cannot be read: {fault}"
            wrong.append(InputError(field, reason, "mend the dictionary"))
    if wrong:
        raise ManyInputErrors(wrong)
    return Dictionaries(found)
