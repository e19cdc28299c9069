"""Where a database is, without ever showing what opens it."""

from collections.abc import Mapping
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from quire.errors import InputError

_SECRETS = ("password", "sslpassword")
_SCHEMES = ("postgresql://", "postgres://")
_MEND = (
    "leave it out; it is read from the file that PGPASSFILE names (~/.pgpass), from a"
    " service file (?service=NAME), from PGPASSWORD, or from [database] in quire.toml"
)


class Target:
    """A database to connect to; its text shows no password.

    Parameters
    ----------
    url
        ``postgresql://user@host:port/name?option=value`` (libpq, 34.1.1.2). What it
        leaves open comes from the environment, the service file and the password file.
    password
        From elsewhere than the URL; empty for none.

    Raises
    ------
    InputError
        It is no such URL.
    """

    def __init__(
        self, url: str, *, password: str = "", field: str = "database"
    ) -> None:
        parts = _parts(url, field)
        if password:
            parts["password"] = password
        self._conninfo = make_conninfo("", **{"connect_timeout": 5, **_LIVELY, **parts})
        told = {name: value for name, value in parts.items() if name not in _SECRETS}
        self._shown = _as_url(told)

    def conninfo(self, **options: Any) -> str:
        """Return what libpq is given; it may hold the password."""
        return make_conninfo(self._conninfo, **options)

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Target({self._shown!r})"


# A server that is gone without a word is noticed within half a minute (libpq, 34.1.2).
_LIVELY = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def refuse_password(url: str, field: str) -> None:
    """Refuse a URL with a password where others could read it.

    Raises
    ------
    InputError
        There is one, or it is no URL of a PostgreSQL database.
    """
    if any(name in _parts(url, field) for name in _SECRETS):
        raise InputError(
            field,
            "holds a password: every user of the machine can read the arguments of a"
            " process (ps)",
            _MEND,
        )


def _parts(url: str, field: str) -> dict[str, Any]:
    try:
        if not url.startswith(_SCHEMES):
            raise ProgrammingError
        return dict(conninfo_to_dict(url))
    except ProgrammingError:
        # Without the text, which may hold a password, or libpq's word, which shows it.
        raise InputError(
            field, "is no URL of a PostgreSQL database", "postgresql://host/name"
        ) from None


def _as_url(parts: Mapping[str, Any]) -> str:
    rest = dict(parts)
    user, host = rest.pop("user", ""), rest.pop("host", "")
    port, name = rest.pop("port", ""), rest.pop("dbname", "")
    service = rest.pop("service", "")
    return (
        f"postgresql://{user}{'@' if user else ''}{host}{':' if port else ''}{port}"
        f"/{name}{'?service=' if service else ''}{service}"
    )
