"""JSON Pointers, and text that is safe to show."""

from collections.abc import Iterable

_LONGEST = 300


def pointer(path: Iterable[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a path of keys and places."""
    return "".join(
        "/" + str(step).replace("~", "~0").replace("/", "~1") for step in path
    )


def showable(text: str, longest: int = _LONGEST) -> str:
    """Return text clipped to so many characters, lone surrogates written out."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= longest else text[: longest - 1] + "…"
