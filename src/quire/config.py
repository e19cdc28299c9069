"""Frozen settings from a TOML file, the environment and flags, in that order."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import platformdirs

from quire.errors import InputError, ManyInputErrors

FILE_NAME = "quire.toml"


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
    """

    data_folder: Path
    host: str = "127.0.0.1"
    port: int = 8642
    slots: int = 2
    job_memory: int = 4 * 1024**3
    run_lease: float = 600.0
    attempt_lease: float = 30.0
    body_limit: int = 16 * 1024**2

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
    names = set(get_type_hints(Settings)) - {"data_folder"}
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
    if wrong:
        raise ManyInputErrors(wrong)
