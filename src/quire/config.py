"""Frozen settings from a TOML file, the environment and flags, in that order."""

import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs

from quire.access.proxy import ProxySettings, TrustedProxy
from quire.config_values import wrong_values
from quire.errors import InputError, ManyInputErrors
from quire.faces.rundb.days import Days
from quire.jobs.limits import KindLimits, Limits, Quotas
from quire.labs.settings import LabSettings
from quire.runs.facility import MOST_NUMBER
from quire.web_address import web_address

FILE_NAME = "quire.toml"


class NumberSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How a run gets its numbers where its start document does not say them.

    Attributes
    ----------
    experiment
        Its number, or the dotted start key that holds it.
    run
        The dotted start key that holds the run number.
    """

    experiment: int | str = 0
    run: str = "scan_id"


class LogFormat(StrEnum):
    """What the lines of the log are."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on there are lines."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class DatabaseSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The table ``[database]``; its text never shows a password.

    Attributes
    ----------
    url
        ``postgresql://user@host/name``; empty for SQLite in the data folder.
    password
        Where neither the URL nor a password file nor PGPASSWORD has it.
    writers, readers
        Connections of this server. A second writer pays where each statement waits for
        a network: on one machine two of them hold each other up.
    """

    url: str = ""
    password: str = ""
    writers: int = 1
    readers: int = 4

    def __repr__(self) -> str:
        return f"DatabaseSettings(url={'given' if self.url else 'none'})"


class AcquisitionSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How acquisitions are kept.

    Attributes
    ----------
    retention
        Seconds that an acquisition stays in the archive after its last change.
    storage_interval
        Seconds between two looks at the disk that ``/dpm/storage`` publishes.
    keep_free
        Bytes of the data folder's disk that no product may take.
    dictionaries
        Folder of the keyword dictionaries, relative to the data folder.
    """

    retention: float = 365 * 24 * 3600.0
    storage_interval: float = 2.0
    keep_free: int = 32 * 1024**2
    dictionaries: Path = Path("dictionaries")


class RunDbSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How the run database that Belle II's client asks is served.

    Attributes
    ----------
    zone
        IANA name of the time zone in which its dates are days.
    """

    zone: str = "UTC"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server runs.

    Attributes
    ----------
    data_folder
        Where everything is kept; made if missing.
    log_format, log_level
        How the server logs to stderr, and from which level on; from ``info`` on with a
        line a request.
    host
        Address to listen on; loopback only.
    port
        0 takes a free one.
    name
        Of this server among several on one database; by default its host and port.
    database
        Where the records are kept, if not in the data folder.
    slots
        Attempts that may run at once.
    job_memory
        Bytes of address space that one attempt may have, 0 for no limit.
    run_lease
        Seconds after its last document in which a run without a stop is open.
    attempt_lease
        Seconds that an attempt may be silent.
    body_limit
        Bytes of one request.
    streams_a_principal
        Event streams that each principal may have open.
    inlets
        Where documents come from beside HTTP, by name; see `quire.inlets.settings`.
    outlets
        Where documents are forwarded, by name; see `quire.outlets.settings`.
    commands
        Kinds of job that run a program, by name; see `quire.kinds.command`.
    transfers
        What may be fetched and where products may go; see `quire.transfer.settings`.
    kinds
        What the attempts of each kind may use; see `quire.jobs.limits.Limits`.
    engines
        Where attempts may run beside this machine, by name; see
        `quire.engines.choosing.EngineSettings`.
    quotas
        What each owner may have; see `quire.jobs.limits.Quotas`.
    labs
        How labs are run; see `quire.labs.settings.LabSettings`.
    projections
        Which runs are projected by themselves, by the rule's name; see
        `quire.actions.project_runs`.
    projecting
        The site's functions and projections; see
        `quire.actions.projecting.ProjectingSettings`.
    public_url
        Where clients see this server, if a proxy stands before it.
    proxy
        The proxy whose word is taken for who asks; none by default.
    numbers
        How runs get experiment and run number.
    fields
        A facility's own searchable fields, by name; see
        `quire.runs.query.fields.FieldDeclaration`.
    asset_roots
        Folders below which external data is read; none for wherever the server's user
        may read.
    asset_root_map
        Where the folders that documents name lie on this machine.
    source_roots
        Folders below which acquisitions may name source files; none for wherever the
        server's user may read, and then for that user alone.
    acquisitions
        How acquisitions are kept.
    rundb
        How the run database is served.
    """

    data_folder: Path
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.WARNING
    host: str = "127.0.0.1"
    port: int = 8642
    name: str = ""
    database: DatabaseSettings = DatabaseSettings()
    slots: int = 2
    job_memory: int = 4 * 1024**3
    run_lease: float = 600.0
    attempt_lease: float = 30.0
    body_limit: int = 16 * 1024**2
    streams_a_principal: int = 1000
    inlets: dict[str, dict[str, Any]] = {}
    outlets: dict[str, dict[str, Any]] = {}
    commands: dict[str, dict[str, Any]] = {}
    projections: dict[str, dict[str, Any]] = {}
    projecting: dict[str, Any] = {}
    transfers: dict[str, Any] = {}
    kinds: dict[str, Limits] = {}
    engines: dict[str, dict[str, Any]] = {}
    quotas: Quotas = Quotas()
    labs: LabSettings = LabSettings()
    public_url: str = ""
    proxy: ProxySettings = ProxySettings()
    numbers: NumberSettings = NumberSettings()
    fields: dict[str, dict[str, Any]] = {}
    asset_roots: tuple[Path, ...] = ()
    asset_root_map: dict[str, str] = {}
    source_roots: tuple[Path, ...] = ()
    acquisitions: AcquisitionSettings = AcquisitionSettings()
    rundb: RunDbSettings = RunDbSettings()

    @classmethod
    def load(
        cls, *, environment: Mapping[str, str] = os.environ, **flags: Any
    ) -> "Settings":
        """Return the settings; a flag that is None was not given.

        Raises
        ------
        InputError
            Values cannot be used; names each setting.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        folder = Path(
            given.get("data_folder")
            or environment.get("QUIRE_DIR")
            or platformdirs.user_data_dir("quire")
        ).absolute()
        written = _from_file(folder / FILE_NAME)
        values = {
            **written,
            **_from_environment(environment),
            **given,
            "data_folder": str(folder),
        }
        if (url := values.get("database")) and isinstance(url, str):
            table = written.get("database")
            values["database"] = {
                **(table if isinstance(table, dict) else {}),
                "url": url,
            }
        try:
            settings = msgspec.convert(values, cls, strict=False, dec_hook=_to_path)
        except msgspec.ValidationError as error:
            wrong = [*wrong_values(values, cls, _to_path)]
            raise ManyInputErrors(wrong or [InputError("", str(error))]) from None
        _check(settings)
        return settings


def _to_path(model: type[Any], value: Any) -> Any:
    return model(value)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"is not TOML: {error}") from None
    if "data_folder" in written:
        mend = "name it to `quire serve`, or in QUIRE_DIR"
        raise InputError("data_folder", f"is where {path} lies", mend)
    return written


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    tables = {"data_folder", "inlets", "outlets", "commands", "numbers", "fields"}
    tables |= {"transfers"}
    tables |= {"projections", "projecting", "labs"}
    tables |= {"source_roots", "acquisitions", "rundb"}
    tables |= {"asset_roots", "asset_root_map", "proxy", "kinds", "engines", "quotas"}
    names = set(get_type_hints(Settings)) - tables
    found = {name: environment.get(f"QUIRE_{name.upper()}") for name in names}
    return {name: value for name, value in found.items() if value}


def _check(settings: Settings) -> None:
    wrong: list[InputError] = []
    if settings.host not in {"127.0.0.1", "::1", "localhost"}:
        wrong.append(
            InputError("host", f"{settings.host} is not loopback", "use 127.0.0.1")
        )
    if not 0 <= settings.port <= 65535:  # noqa: PLR2004
        wrong.append(InputError("port", f"{settings.port} is no port", "0 to 65535"))
    wrong.extend(_wrong_numbers(settings.numbers))
    wrong.extend(_wrong_address(settings.public_url))
    wrong.extend(
        InputError(name, "must be 1 or more")
        for name in ("slots", "streams_a_principal")
        if getattr(settings, name) < 1
    )
    wrong.extend(_wrong_roots(settings))
    if min(settings.database.writers, settings.database.readers) < 1:
        wrong.append(InputError("database", "needs 1 or more writers and readers"))
    wrong.extend(
        InputError(f"acquisitions.{name}", "must be more than 0")
        for name in ("retention", "storage_interval")
        if not getattr(settings.acquisitions, name) > 0
    )
    if settings.acquisitions.keep_free < 0:
        wrong.append(InputError("acquisitions.keep_free", "must be 0 or more"))
    wrong.extend(
        InputError(name, "must be more than 0")
        for name in ("run_lease", "attempt_lease", "body_limit")
        if not 0 < getattr(settings, name) < math.inf
    )
    try:
        settings.labs.check()
        Days(settings.rundb.zone)
        TrustedProxy(settings.proxy)
        KindLimits(settings.kinds, memory=settings.job_memory)
    except InputError as error:
        wrong.append(error)
    if wrong:
        raise ManyInputErrors(wrong)


def _wrong_roots(settings: Settings) -> Iterator[InputError]:
    for name in ("asset_roots", "source_roots"):
        for root in getattr(settings, name):
            if not root.is_absolute():
                yield InputError(name, f"'{root}' is no absolute path", "begin with /")


def _wrong_address(url: str) -> Iterator[InputError]:
    if url and not _is_address(url):
        mend = "such as https://quire.example.org"
        yield InputError("public_url", f"{url!r} is no address of a server", mend)


def _is_address(url: str) -> bool:
    """Return whether links can be made by writing a path behind it."""
    parts = web_address(url)
    if parts is None:
        return False
    return not (parts.query or parts.fragment or parts.username or parts.password)


def _wrong_numbers(numbers: NumberSettings) -> Iterator[InputError]:
    given = numbers.experiment
    if isinstance(given, int) and abs(given) > MOST_NUMBER:
        mend = f"at most {MOST_NUMBER}"
        yield InputError("numbers.experiment", f"{given} is too large", mend)
    for name, key in (("experiment", given), ("run", numbers.run)):
        if isinstance(key, str) and not all(key.split(".")):
            reason = f"{key!r} is no key of a start document"
            yield InputError(f"numbers.{name}", reason, "such as scan_id or cycle.run")
