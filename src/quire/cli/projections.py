"""`quire projections`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from quire.cli.options import Json
from quire.cli.outcomes import Commands, Outcome
from quire.cli.output import moment, put, put_json, put_table
from quire.errors import InputError

app = typer.Typer(
    cls=Commands, help="What a run's projections make.", no_args_is_help=True
)
_RULES = "/api/v1/projections/rules"


class State(StrEnum):
    """How a rule can be."""

    ON = "on"
    OFF = "off"


@app.command(context_settings={"ignore_unknown_options": True})
def check(
    which: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN", help="Documents as NDJSON, or a run on the server."
        ),
    ],
    *,
    name: Annotated[
        str,
        typer.Option("--projection", help="One of them; else every one of the run."),
    ] = "",
    form: Annotated[
        str, typer.Option("--format", help="Also say what this format does not hold.")
    ] = "",
    json: Json = False,
) -> None:
    """Say what would be made, and what could not; exit code 1 if an entry could not."""
    from quire.cli.projection_files import facts_of

    in_file = Path(which).is_file()
    facts = facts_of(Path(which)) if in_file else _from_server(which)
    registry, configured = _site(needed=not in_file)
    chosen = _chosen(facts, name, configured)
    told = [
        one for projection in chosen for one in _told(projection, facts, registry, form)
    ]
    issues = sum(one["status"] != "ok" for one in told)
    if json:
        put_json({"run": facts.uid, "entries": told, "issues": issues})
    else:
        rows = [
            (one["projection"], one["key"], one["code"] or "ok", _in_words(one))
            for one in told
        ]
        put_table(("projection", "key", "", "from, or why not"), rows)
        put(f"{len(told)} entries, {issues} with an issue")
    if issues:
        raise typer.Exit(Outcome.FAILED)


@app.command()
def rules(*, json: Json = False) -> None:
    """List the rules by which runs are projected by themselves."""
    from quire.client.connection import Connection

    with Connection() as connection:
        found = connection.get(_RULES)
    if json:
        put_json(found)
        return
    rows = [
        (
            one["name"],
            "on" if one["on"] else "off",
            one["rule"]["runs"] or "all",
            "each of the start document"
            if one["rule"]["declared"]
            else one["rule"]["projection"] or "the run's own",
            one["rule"]["format"],
            one["by"] and f"{one['by']}, {moment(one['at'])}",
        )
        for one in found["rules"]
    ]
    put_table(("rule", "", "runs", "projection", "format", "switched by"), rows)


@app.command()
def switch(
    name: Annotated[str, typer.Argument(help="The rule's name in quire.toml.")],
    state: Annotated[State, typer.Argument(help="What it is to be.")],
    *,
    json: Json = False,
) -> None:
    """Switch a rule on or off; it stays so when the server starts again."""
    from quire.client.connection import Connection

    with Connection() as connection:
        path = f"{_RULES}/{quote(name, safe='')}"
        told = connection.ask("PUT", path, body={"on": state is State.ON})
    if json:
        put_json(told)
    else:
        put(f"{told['name']} is {state}")


@app.command()
def functions(*, json: Json = False) -> None:
    """List the functions that calculated entries may call here."""
    from quire.actions.calculating.registry import every_function

    found = [
        {
            "name": one.name,
            "version": one.version,
            "parameters": [each.name for each in one.parameters],
            "description": one.description,
        }
        for one in every_function().values()
    ]
    if json:
        put_json({"functions": found})
        return
    rows = [
        (
            str(one["name"]),
            str(one["version"]),
            ", ".join(one["parameters"]),
            str(one["description"]),
        )
        for one in found
    ]
    put_table(("function", "version", "parameters", "what it does"), rows)


def _site(*, needed: bool) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the functions and projections of the server; without one, this machine's.

    Parameters
    ----------
    needed
        Whether to do without a server is no use.
    """
    from quire.actions.calculating.registry import every_function
    from quire.client.connection import Connection
    from quire.client.errors import NoServer, SeveralServers
    from quire.client.site import site_of

    try:
        with Connection() as connection:
            told = site_of(connection)
    except (NoServer, SeveralServers):
        if needed:
            raise
        return every_function(), {}
    return told.functions, told.projections


def _chosen(facts: Any, name: str, configured: Mapping[str, Any]) -> tuple[Any, ...]:
    from quire.products.projection.entries import choose, read_projections
    from quire.products.projection.readymade import ready_made

    found = read_projections(facts.start)
    ours = ready_made(facts)
    if name in ours and name not in found:
        return (ours[name],)
    if name in configured and name not in found:
        return (configured[name],)
    if name or found:
        return choose(found, name or "*")
    return (ours["generic"],)


def _told(
    projection: Any, facts: Any, functions: Mapping[str, Any], form: str
) -> list[dict[str, Any]]:
    """Return what the entries of a projection come to, in a format if one is named."""
    from quire.products.projection.resolving import resolve

    resolved = resolve([projection], facts, functions)
    refused = _refused(resolved, facts, form) if form else {}
    return [
        {
            "projection": projection.label,
            "key": one.key,
            "status": "issue" if one.key in refused else one.status,
            "source": one.source,
            "code": "not_held" if one.key in refused else one.code,
            "issue": refused.get(one.key, one.issue),
            "note": one.note,
        }
        for one in resolved.outcomes.values()
    ]


def _refused(resolved: Any, facts: Any, form: str) -> dict[str, str]:
    from quire.kinds.project import writers
    from quire.products.projection.contents import Contents, Scalar

    known = {one.format: one for one in writers()}
    if form not in known:
        raise InputError("--format", f"no {form!r}", f"one of {', '.join(known)}")
    made = resolved.made.values()
    scalars = tuple(one for one in made if isinstance(one, Scalar))
    variables = tuple(one.variable for one in made if not isinstance(one, Scalar))
    rows = {name: stream.rows for name, stream in facts.streams.items()}
    whole = Contents(rows=rows, variables=variables, scalars=scalars)
    # The type of what is calculated is only known once it is.
    looked = [*scalars, *(one for one in variables if not one.attributes)]
    told = {one.key: known[form].refusal(one, whole) for one in looked}
    return {key: reason for key, reason in told.items() if reason}


def _from_server(which: str) -> Any:
    from msgspec.structs import replace

    from quire.client.connection import Connection
    from quire.client.run_reader import RunOverHttp

    with Connection() as connection:
        uid = connection.get(f"/api/v1/runs/{quote(which, safe='')}")["uid"]
        reader = RunOverHttp(connection, uid)
        facts, names = reader.run()
        return replace(facts, streams={name: reader.stream(name) for name in names})


def _in_words(one: dict[str, Any]) -> str:
    if one["issue"]:
        return str(one["issue"])
    source = one["source"]
    named = [source.get("callable"), source.get("stream"), source.get("device")]
    named += source.get("fields") or [source.get("field")]
    words = " ".join(str(each) for each in named if each) or "static"
    return f"{words} ({one['note']})" if one["note"] else words
