"""Why a test is skipped: what is then not proved, and how to have it proved."""


def not_proved(what: str, *, why: str, mend: str) -> str:
    """Return the reason of a skip, in the one form that all of them have.

    Parameters
    ----------
    what
        What the test would have shown.
    why
        What this machine lacks.
    mend
        What to do so that it is shown.
    """
    return f"NOT PROVED: {what}: {why} (to prove it: {mend})"
