"""Fields of a form, as browsers and scripts send them (``x-www-form-urlencoded``)."""

from urllib.parse import parse_qsl

from quire.errors import InputError, TooLarge

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1000


def urlencoded(body: bytes) -> list[tuple[str, str]]:
    """Return names and values in their order, empty values too.

    Raises
    ------
    InputError
        It is not UTF-8.
    TooLarge
        It has more than 1,000 fields.
    """
    try:
        return parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise InputError("body", f"is not UTF-8: {error}") from None
    except ValueError:
        raise TooLarge("body", MOST_FIELDS, "fields") from None
