"""Which of several forms an answer takes, and which forms a body may have."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from quire.errors import InputError

_CHARSETS = frozenset({"", "utf-8", "utf8", "us-ascii"})


class NotAcceptable(InputError):
    """None of the forms that the client takes can be given."""

    code = "not_acceptable"

    def __init__(self, accept: str, offers: Sequence[str]) -> None:
        self.offers = tuple(offers)
        super().__init__(
            "Accept", f"{accept[:80]!r} is not offered", f"one of {', '.join(offers)}"
        )


class UnsupportedBody(InputError):
    """A form of body that is not read.

    Parameters
    ----------
    field
        The header: ``Content-Type`` or ``Content-Encoding``.
    taken
        What would be read.
    """

    code = "unsupported_media_type"

    def __init__(self, field: str, given: str, taken: Sequence[str]) -> None:
        self.taken = tuple(taken)
        super().__init__(
            field, f"{given[:80]!r} is not read", f"send {' or '.join(taken)}"
        )


def body_type(request: Request, taken: Sequence[str], *, default: str) -> str:
    """Return the media type of the body, without parameters.

    Parameters
    ----------
    taken
        Types that are read; ``application/json`` stands for all that end ``+json``.
    default
        Taken where there is no Content-Type.

    Raises
    ------
    UnsupportedBody
        It is none of those, or not in UTF-8.
    """
    given = request.headers.get("content-type")
    if given is None or not given.strip():
        return default
    media_type, _, parameters = given.partition(";")
    media_type = media_type.strip().lower()
    if _charset(parameters) not in _CHARSETS:
        raise UnsupportedBody("Content-Type", given, [f"{default}; charset=utf-8"])
    if media_type.endswith("+json") and "application/json" in taken:
        return "application/json"
    if media_type not in taken:
        raise UnsupportedBody("Content-Type", given, taken)
    return media_type


def answer_form(request: Request, forms: Mapping[str, str]) -> str:
    """Return the form that the client wants: ``?format=``, else by its Accept header.

    Parameters
    ----------
    forms
        By media type its short name; the first one is the default.

    Raises
    ------
    InputError
        `format` names no form.
    NotAcceptable
        Accept excludes every one (RFC 9110, section 12.5.1).
    """
    asked = request.query_params.get("format")
    if asked is not None:
        if asked not in forms.values():
            known = ", ".join(dict.fromkeys(forms.values()))
            raise InputError("format", f"{asked[:40]!r} is unknown", f"one of {known}")
        return asked
    accept = ", ".join(request.headers.getlist("accept"))
    ranges = _ranges(accept)
    if not ranges:
        return next(iter(forms.values()))
    quality = {offer: _quality(offer, ranges) for offer in forms}
    best = max(forms, key=lambda offer: quality[offer])
    if quality[best] <= 0:
        raise NotAcceptable(accept, list(forms))
    return forms[best]


def wants_page(request: Request) -> bool:
    """Return whether a person with a browser asks: it names HTML, and before JSON."""
    ranges = _ranges(", ".join(request.headers.getlist("accept")))
    data = [ranges.get(f"application/{kind}", 0.0) for kind in ("json", "problem+json")]
    return ranges.get("text/html", 0.0) > max(data)


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def _ranges(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in accept.split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        if media_range:
            found[media_range.lower()] = _weight(parameters)
    return found


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0


def _quality(offer: str, ranges: Mapping[str, float]) -> float:
    family = offer.partition("/")[0]
    for media_range in (offer, f"{family}/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return 0.0
