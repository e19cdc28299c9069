"""What a destination notes of where its copy comes from."""

from quire.errors import InputError


def refuse_other(source: str, *, former: str, done: bool) -> None:
    """Refuse to copy over something that is not the beginning of the same copy.

    Parameters
    ----------
    former
        What was copied.
    done
        Whether all of it was: servers may have written to the copy since.

    Raises
    ------
    InputError
        It is something else.
    """
    if former != source:
        raise InputError("destination", f"is a copy of {former}", "choose another")
    if done:
        raise InputError(
            "destination",
            f"is a whole copy of {former} already, and may have changed since",
            "choose another",
        )
