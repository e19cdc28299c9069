"""``[inlets.NAME]`` of ``quire.toml``, and the inlets that it asks for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from quire.errors import InputError
from quire.inlets.kafka import KafkaInlet
from quire.inlets.ndjson import PATTERNS, NdjsonInlet
from quire.inlets.zmq import Curve, ZmqInlet
from quire.ports.inlet import Inlet

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.IGNORECASE)


class NdjsonSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="ndjson",
    tag_field="from",
):
    """A file, or a folder of files, of documents one a line.

    Attributes
    ----------
    path
        A relative one starts from the data folder.
    patterns
        Of the names of files in a folder.
    interval
        Seconds between looks.
    longest
        Bytes of a line.
    """

    path: str
    patterns: tuple[str, ...] = PATTERNS
    interval: float = 1.0
    longest: int = 16 * 1024**2

    def inlet(self, _: str, folder: Path) -> Inlet:
        """Return the inlet; `folder` is what relative paths start from."""
        if not self.path:
            raise InputError("path", "is empty")
        if not self.patterns:
            raise InputError("patterns", "is empty: nothing would be read")
        _more_than_nothing(interval=self.interval, longest=self.longest)
        return NdjsonInlet(
            _absolute(folder, self.path),
            patterns=self.patterns,
            interval=self.interval,
            longest=self.longest,
        )


class ZmqSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="zmq",
    tag_field="from",
):
    """Bluesky's 0MQ proxy.

    Attributes
    ----------
    address
        Where the proxy publishes, ``tcp://host:port``.
    prefix
        Whose messages alone are read; empty for everybody's.
    secret_file, server_file
        Certificates of CURVE, ours and the proxy's; both or none.
    queue
        Messages that wait in memory.
    longest
        Bytes of a message.
    """

    address: str
    prefix: str = ""
    secret_file: str = ""
    server_file: str = ""
    queue: int = 100_000
    longest: int = 64 * 1024**2

    def inlet(self, _: str, folder: Path) -> Inlet:
        """Return the inlet; `folder` is what relative paths start from."""
        if not self.address:
            raise InputError("address", "is empty", "tcp://host:port")
        if " " in self.prefix:
            raise InputError("prefix", "holds a space, which ends a prefix")
        if bool(self.secret_file) != bool(self.server_file):
            missing = "server_file" if self.secret_file else "secret_file"
            raise InputError(missing, "is missing: CURVE needs both certificates")
        _more_than_nothing(queue=self.queue, longest=self.longest)
        curve = None
        if self.secret_file:
            curve = Curve(
                secret_file=_absolute(folder, self.secret_file),
                server_file=_absolute(folder, self.server_file),
            )
        return ZmqInlet(
            self.address,
            prefix=self.prefix,
            curve=curve,
            queue=self.queue,
            longest=self.longest,
        )


class KafkaSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="kafka",
    tag_field="from",
):
    """Topics of Kafka.

    Attributes
    ----------
    servers
        ``host:port``, separated by commas.
    topics
        One that begins with ``^`` is a regular expression.
    group
        Of consumers; ``quire-NAME`` unless given.
    options
        Further settings of librdkafka.
    """

    servers: str
    topics: tuple[str, ...]
    group: str = ""
    options: dict[str, str | int | float | bool] = {}

    def inlet(self, name: str, _: Path) -> Inlet:
        """Return the inlet of this name."""
        if not self.servers:
            raise InputError("servers", "is empty", "host:port, separated by commas")
        if not self.topics or not all(self.topics):
            raise InputError("topics", "names no topic")
        group = self.group or f"quire-{name}"
        return KafkaInlet(self.servers, self.topics, group, options=self.options)


Source = NdjsonSource | ZmqSource | KafkaSource


def inlets(tables: Mapping[str, Any], folder: Path) -> dict[str, Inlet]:
    """Return the inlets by their names.

    Parameters
    ----------
    tables
        What stands under ``inlets`` in the settings.
    folder
        The data folder; relative paths start from it.

    Raises
    ------
    InputError
        An inlet cannot be made so; names it and the setting.
    """
    return {name: _inlet(name, table, folder) for name, table in tables.items()}


def _inlet(name: str, table: Any, folder: Path) -> Inlet:
    if not _NAME.fullmatch(name):
        mend = "letters, digits, - and _, at most 64"
        raise InputError(f"inlets.{name}", "is no name for an inlet", mend)
    try:
        source: Source = msgspec.convert(table, Source)
        return source.inlet(name, folder)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).partition(" - at `$")
        raise InputError(f"inlets.{name}{place.strip('`')}", reason) from None
    except InputError as problem:
        field = f"inlets.{name}.{problem.field}"
        raise InputError(field, problem.reason, problem.mend) from None


def _more_than_nothing(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise InputError(name, "must be more than 0")


def _absolute(folder: Path, path: str) -> Path:
    return folder / Path(path).expanduser()
