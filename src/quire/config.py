"""Frozen settings from a TOML file, the environment and flags, in that order."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs

from quire.access.proxy import ProxySettings, TrustedProxy
from quire.errors import InputError, ManyInputErrors
from quire.jobs.limits import KindLimits, Limits, Quotas

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


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server runs.

    Attributes
    ----------
    data_folder
        Where everything is kept; made if missing.
    host
        Address to listen on; loopback only.
    port
        0 takes a free one.
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
    quotas
        What each owner may have; see `quire.jobs.limits.Quotas`.
    projections
        Which runs are projected by themselves, by the rule's name; see
        `quire.actions.project_runs`.
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
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 8642
    slots: int = 2
    job_memory: int = 4 * 1024**3
    run_lease: float = 600.0
    attempt_lease: float = 30.0
    body_limit: int = 16 * 1024**2
    inlets: dict[str, dict[str, Any]] = {}
    outlets: dict[str, dict[str, Any]] = {}
    commands: dict[str, dict[str, Any]] = {}
    projections: dict[str, dict[str, Any]] = {}
    transfers: dict[str, Any] = {}
    kinds: dict[str, Limits] = {}
    quotas: Quotas = Quotas()
    public_url: str = ""
    proxy: ProxySettings = ProxySettings()
    numbers: NumberSettings = NumberSettings()
    fields: dict[str, dict[str, Any]] = {}
    asset_roots: tuple[Path, ...] = ()
    asset_root_map: dict[str, str] = {}

    @classmethod
    def load(
        cls, *, environment: Mapping[str, str] = os.environ, **flags: Any
    ) -> "Settings":
        """Return the settings; a flag that is None was not given.

        Raises
        ------
        InputError
            A value cannot be used; names the setting and where it came from.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        folder = Path(
            given.get("data_folder")
            or environment.get("QUIRE_DIR")
            or platformdirs.user_data_dir("quire")
        ).absolute()
        values = {
            **_from_file(folder / FILE_NAME),
            **_from_environment(environment),
            **given,
            "data_folder": str(folder),
        }
        try:
            settings = msgspec.convert(values, cls, strict=False, dec_hook=_to_path)
        except msgspec.ValidationError as error:
            raise InputError("settings", str(error)) from None
        _check(settings)
        return settings


def _to_path(model: type[Any], value: Any) -> Any:
    return model(value)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"is not TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    tables = {"data_folder", "inlets", "outlets", "commands", "numbers", "fields"}
    tables |= {"transfers"}
    tables |= {"projections"}
    tables |= {"asset_roots", "asset_root_map", "proxy", "kinds", "quotas"}
    names = set(get_type_hints(Settings)) - tables
    found = {name: environment.get(f"QUIRE_{name.upper()}") for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _check(settings: Settings) -> None:
    wrong: list[InputError] = []
    if settings.host not in {"127.0.0.1", "::1", "localhost"}:
        wrong.append(
            InputError("host", f"{settings.host} is not loopback", "use 127.0.0.1")
        )
    if not 0 <= settings.port <= 65535:  # noqa: PLR2004
        wrong.append(InputError("port", f"{settings.port} is no port", "0 to 65535"))
    if settings.slots < 1:
        wrong.append(InputError("slots", "must be 1 or more"))
    wrong.extend(
        InputError(name, "must be more than 0")
        for name in ("run_lease", "attempt_lease", "body_limit")
        if getattr(settings, name) <= 0
    )
    try:
        TrustedProxy(settings.proxy)
        KindLimits(settings.kinds, memory=settings.job_memory)
    except InputError as error:
        wrong.append(error)
    if wrong:
        raise ManyInputErrors(wrong)
