"""``[outlets.NAME]`` of ``quire.toml``, and the outlets that it asks for."""

import re
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from quire.errors import InputError
from quire.outlets.kafka import KafkaOutlet
from quire.outlets.quire import QuireOutlet
from quire.outlets.tiled import TiledOutlet
from quire.ports.outlet import DocumentOutlet, RunOutlet
from quire.web_address import web_address

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.IGNORECASE)


class QuireTarget(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="quire",
    tag_field="to",
):
    """Another Quire.

    Attributes
    ----------
    token_file
        Holds its token, which must admit to ``runs:ingest``.
    timeout
        Seconds.
    """

    url: str
    token_file: str
    timeout: float = 30.0

    def outlet(self, folder: Path) -> DocumentOutlet:
        """Return the outlet; `folder` is what relative paths start from."""
        _check_address("url", self.url)
        _check_seconds("timeout", self.timeout)
        token = _secret(folder, "token_file", self.token_file)
        return QuireOutlet(self.url, token, timeout=self.timeout)


class TiledTarget(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="tiled",
    tag_field="to",
):
    """A tiled server.

    Attributes
    ----------
    uri
        Of the container that is to hold the runs.
    api_key_file
        Holds its API key; empty for none.
    settle, timeout
        Seconds; see `quire.outlets.tiled.TiledOutlet`.
    """

    uri: str
    api_key_file: str = ""
    settle: float = 60.0
    timeout: float = 300.0

    def outlet(self, folder: Path) -> RunOutlet:
        """Return the outlet; `folder` is what relative paths start from."""
        _check_address("uri", self.uri)
        _check_seconds("timeout", self.timeout)
        if not self.settle >= 0:
            raise InputError("settle", "must not be less than 0")
        file = self.api_key_file
        key = _secret(folder, "api_key_file", file) if file else str
        return TiledOutlet(self.uri, key, settle=self.settle, timeout=self.timeout)


class KafkaTarget(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="kafka",
    tag_field="to",
):
    """A Kafka topic.

    Attributes
    ----------
    servers
        ``host:port``, separated by commas.
    options
        Further settings of librdkafka.
    timeout
        Seconds.
    """

    servers: str
    topic: str
    options: dict[str, str | int | float | bool] = {}
    timeout: float = 30.0

    def outlet(self, _: Path) -> DocumentOutlet:
        """Return the outlet."""
        if not self.servers:
            raise InputError("servers", "is empty", "host:port, separated by commas")
        if not self.topic:
            raise InputError("topic", "is empty")
        _check_seconds("timeout", self.timeout)
        return KafkaOutlet(
            self.servers, self.topic, options=self.options, timeout=self.timeout
        )


Target = QuireTarget | TiledTarget | KafkaTarget


def outlets(
    tables: Mapping[str, Any], folder: Path
) -> dict[str, DocumentOutlet | RunOutlet]:
    """Return the outlets by their names.

    Parameters
    ----------
    tables
        What stands under ``outlets`` in the settings.
    folder
        The data folder; relative paths start from it.

    Raises
    ------
    InputError
        An outlet cannot be made so; names it and the field.
    """
    return {name: _outlet(name, table, folder) for name, table in tables.items()}


def _outlet(name: str, table: Any, folder: Path) -> DocumentOutlet | RunOutlet:
    if not _NAME.fullmatch(name):
        mend = "letters, digits, - and _, at most 64"
        raise InputError(f"outlets.{name}", "is no name for an outlet", mend)
    try:
        target: Target = msgspec.convert(table, Target)
        return target.outlet(folder)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).partition(" - at `$")
        raise InputError(f"outlets.{name}{place.strip('`')}", reason) from None
    except InputError as problem:
        field = f"outlets.{name}.{problem.field}"
        raise InputError(field, problem.reason, problem.mend) from None


def _check_address(field: str, url: str) -> None:
    if web_address(url) is None:
        raise InputError(field, f"{url!r} is no address", "http(s)://host")


def _check_seconds(field: str, seconds: float) -> None:
    if not 0 < seconds < inf:
        raise InputError(field, "must be more than 0 seconds, and finite")


def _secret(folder: Path, field: str, path: str) -> Callable[[], str]:
    """Return what reads a secret, which may be renewed; it is there by now."""
    file = folder / Path(path).expanduser()

    def read() -> str:
        try:
            secret = file.read_text("ascii").strip()
        except OSError as problem:
            raise InputError(field, f"{file}: {problem.strerror}") from None
        except UnicodeDecodeError:
            secret = ""
        if not (secret.isprintable() and secret):
            raise InputError(field, f"{file} holds no secret", "one line of ASCII")
        return secret

    read()
    return read
