"""Regular expressions of other clients, where a glob says the same.

Quire's own language has none: they mean something else in each store, and some take for
ever (``reference/query-language.md``, section 2).
"""

_SPECIAL = frozenset("[](){}|+*?^$")
_GLOB = frozenset("*?")


def glob_of(expression: str) -> str | None:
    """Return the glob that matches what an unanchored search would find, None if none.

    Text, ``.``, ``.*``, ``.+``, ``^`` at the beginning, ``$`` at the end and escaped
    punctuation can be said; all else cannot.
    """
    body = expression.removeprefix("^")
    first = "" if body != expression else "*"
    last = "*"
    if body.endswith("$") and not body.endswith("\\$"):
        body, last = body[:-1], ""
    inner = _inner(body)
    return None if inner is None else f"{first}{inner}{last}"


def _inner(body: str) -> str | None:
    parts: list[str] = []
    place = 0
    while place < len(body):
        piece = body[place : place + 2]
        if piece in (".*", ".+"):
            parts.append("*" if piece == ".*" else "?*")
            place += 2
        elif piece[0] == "\\":
            if len(piece) == 1 or piece[1].isalnum() or piece[1] in _GLOB:
                return None
            parts.append(piece[1])
            place += 2
        elif piece[0] in _SPECIAL:
            return None
        else:
            parts.append("?" if piece[0] == "." else piece[0])
            place += 1
    return "".join(parts)
