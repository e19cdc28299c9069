"""The reference pages against what there is: commands, settings, scopes."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import typer.main

from quire.access.principals import Scope
from quire.cli.main import app
from quire.config import Settings

REFERENCE = Path(__file__).parents[2] / "docs/reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text()


def commands(group: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from (f"{name} {inner}" for inner in commands(command))
        else:
            yield name


def test_every_command_is_told() -> None:
    told = page("commands.md")
    rows = [row for row in told.splitlines() if row.startswith("| `quire")]
    for command in commands(typer.main.get_command(app)):
        *group, name = command.split()
        start = " ".join(("quire", *group))
        assert any(start in row and re.search(rf"\b{name}`", row) for row in rows), (
            f"docs/reference/commands.md does not tell of quire {command}"
        )


def test_every_setting_is_told_with_what_holds_without_it() -> None:
    told = page("settings.md")
    usual = Settings(data_folder=Path())
    for name in get_type_hints(Settings):
        if name == "data_folder":
            continue
        written = re.search(rf"^{name} = (\S+)", told, re.MULTILINE)
        if written is None:
            assert f"`[{name}" in told, f"docs/reference/settings.md lacks {name}"
            continue
        shown = tomllib.loads(f"it = {written.group(1)}")["it"]
        holds = msgspec.json.encode(getattr(usual, name))
        assert shown == msgspec.json.decode(holds), name


def test_every_scope_is_told() -> None:
    told = page("access.md")
    assert [scope for scope in Scope if f"`{scope}`" not in told] == []
