"""Names of the files of a sequence: the templates of areaDetector and ophyd-async.

A document may come from anyone, so a template is not handed to Python's formatting:
only whole numbers of bounded width and the file name are put in.
"""

import re

_FIELD = re.compile(
    r"\{(?P<name>filename)\}"
    r"|\{(?:0|n|index)?(?::0?(?P<width>[0-9]{0,2})d?)?\}"
    r"|%(?P<text>s)"
    r"|%0?(?P<least>[0-9]{0,2})(?:\.(?P<digits>[0-9]{1,2}))?d"
    r"|(?P<percent>%%)"
)
_LEFT = re.compile(r"[{}%]")


def file_name(template: str, number: int, *, filename: str = "") -> str:
    """Return the name of one file of a sequence.

    Parameters
    ----------
    template
        ``{:05d}.tif``, ``{filename}_{:d}.tif``, or as C writes it, where of several
        ``%s`` the last is the file name and those before it, the path, are empty:
        ``%s%s_%6.6d.tiff``.

    Raises
    ------
    ValueError
        It holds anything else in braces or behind a percent sign.
    """
    texts = len(re.findall(r"(?<!%)%s", template))
    seen = 0

    def put(found: re.Match[str]) -> str:
        nonlocal seen
        if found["percent"]:
            return "%"
        if found["name"]:
            return filename
        if found["text"]:
            seen += 1
            return filename if seen == texts else ""
        width = int(found["width"] or found["digits"] or found["least"] or 0)
        return f"{number:0{width}d}" if width else str(number)

    if _LEFT.search(_FIELD.sub("", template)):
        raise ValueError(f"{template[:100]!r} is no template")
    return _FIELD.sub(put, template)
