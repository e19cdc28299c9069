import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda page: page.as_posix()
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+")
TABLE_ROW = re.compile(r"^\| ([a-z0-9-]+) \| (.+) \|$", re.MULTILINE)


def names(requirements: list[str]) -> set[str]:
    found = (REQUIREMENT.match(text) for text in requirements)
    return {match.group().lower() for match in found if match}


def commands(page: Path) -> list[list[str]]:
    """Commands as pages show them: indented by four, beginning with the program."""
    found = []
    for line in page.read_text().splitlines():
        match = re.match(r" {4}(?:\.venv/bin/)?(quire|make) (.*)$", line)
        if match:
            words = shlex.split(match.group(2), comments=True)
            found.append([match.group(1), *words])
    return found


ALL_COMMANDS = {
    " ".join(command): command for page in PAGES for command in commands(page)
}


@pytest.mark.parametrize("name", NAMES)
def test_links_resolve(name: str) -> None:
    page = ROOT / name
    for target in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{name} links {target}"
        if anchor and there.suffix == ".md":
            heads = map(as_anchor, HEADING.findall(there.read_text()))
            assert anchor in heads, f"{name} links {target}"


def as_anchor(heading: str) -> str:
    """Return what a heading is linked by, as the pages' readers have it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "command", [words for words in ALL_COMMANDS.values() if words[0] == "make"]
)
def test_make_targets_exist(command: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert command[1] in targets


@pytest.mark.parametrize(
    "command", [words for words in ALL_COMMANDS.values() if words[0] == "quire"]
)
def test_commands_exist(command: list[str]) -> None:
    group: Any = typer.main.get_command(importlib.import_module("quire.cli.main").app)

    words = command[1:]
    while words and hasattr(group, "commands"):
        assert words[0] in group.commands, f"quire has no {' '.join(command[1:])}"
        group, words = group.commands[words[0]], words[1:]
    known = {option for param in group.params for option in param.opts}
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.split("=")[0] in known, f"{' '.join(command)}: {word}"


def test_there_is_something_to_check() -> None:
    assert len(ALL_COMMANDS) > 10
    assert len(PAGES) > 10


def test_dependencies_are_all_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = names(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        wanted |= names(extra)
    wanted |= names(project["dependency-groups"]["dev"])
    page = (ROOT / "docs/explanation/dependencies.md").read_text()
    packages = page.split("## From the system")[0]
    explained = {name for name, _ in TABLE_ROW.findall(packages)} - {"package", "---"}

    assert explained == wanted


@pytest.mark.parametrize("requirements", ["dev.txt", "run.txt"])
def test_locks_name_no_index(requirements: str) -> None:
    text = (ROOT / "requirements" / requirements).read_text()

    assert "://" not in text
    assert "--hash=sha256:" in text


def test_locks_hold_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = names(project["project"]["dependencies"])
    run |= names(project["project"]["optional-dependencies"]["demo"])
    development = run | names(project["dependency-groups"]["dev"])

    for requirements, wanted in (("run.txt", run), ("dev.txt", development)):
        text = (ROOT / "requirements" / requirements).read_text()
        locked = set(re.findall(r"^([a-z0-9._-]+)==|\[", text, re.MULTILINE))
        locked |= set(re.findall(r"^([a-z0-9._-]+)\[", text, re.MULTILINE))
        assert wanted <= locked, requirements


def test_decisions_have_their_size_and_parts() -> None:
    records = sorted((ROOT / "docs/explanation/decisions").glob("[0-9]*.md"))

    assert [int(record.name[:4]) for record in records] == list(
        range(1, len(records) + 1)
    )
    for record in records:
        text = record.read_text()
        assert 200 <= len(text.split()) <= 600, record.name
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, record.name


def test_the_layers_page_names_what_there_is() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text()
    layers = set(re.findall(r"^ {4}(\w+(?: {2}\w+)*)", text, re.MULTILINE))
    named = {word for line in layers for word in line.split()}
    there = {
        path.stem
        for path in (ROOT / "src/quire").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert there - {"__init__"} <= named
