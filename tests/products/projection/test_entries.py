import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import Ambiguous, NotFound
from quire.products.projection.entries import (
    EntryKind,
    choose,
    read_entry,
    read_projections,
)
from quire.products.projection.facts import RunFacts
from quire.products.projection.resolving import resolve

LINKED = {"type": "linked", "location": "event", "stream": "s", "field": "f"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
MEMBER = st.sampled_from(
    ["type", "location", "stream", "field", "value", "calculation", "callable", "args",
     "kwargs", "config_device", "config_index"]
)  # fmt: skip
WORD = st.sampled_from(
    ["linked", "calculated", "static", "event", "configuration", "s"]
)


def test_each_kind_is_told_by_its_type_first() -> None:
    told: dict[str, dict[str, Any]] = {
        "event": LINKED,
        "static": {"type": "static", "location": "event", "value": None},
        "configuration": {
            **LINKED,
            "location": "configuration",
            "config_device": "d",
            "config_index": 1,
        },
        "calculated": {
            **LINKED,
            "type": "calculated",
            "calculation": {"callable": "m:f", "args": ["f", 2], "kwargs": {"k": 1}},
        },
        "start": {"type": "linked", "location": "start", "field": "sample"},
    }
    read = {kind: read_entry("k", one) for kind, one in told.items()}
    assert {kind: one.kind for kind, one in read.items()} == {
        kind: EntryKind(kind) for kind in told
    }
    assert [kind for kind, one in read.items() if one.old] == ["start"]
    call = {"callable": "m:f", "args": ["f", 2], "kwargs": {"k": 1}}
    flat = {**LINKED, "type": "calculated", **call}
    other = read_entry("k", flat)
    assert other.old
    calculated = read["calculated"]
    assert (other.callable, other.args, other.kwargs) == (
        calculated.callable,
        calculated.args,
        calculated.kwargs,
    )


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ([], "no object"),
        ({"type": "linked"}, "is no kind"),
        ({**LINKED, "field": 1}, "field is no text"),
        ({"type": "static"}, "no value"),
        ({**LINKED, "type": "calculated", "calculation": {}}, "callable is no text"),
        (
            {**LINKED, "location": "configuration", "config_device": "d"},
            "config_index is no integer",
        ),
    ],
)
def test_what_is_no_entry_says_why(wrong: Any, problem: str) -> None:
    found = read_entry("k", wrong)
    assert found.kind is None
    assert problem in found.problem


@given(st.dictionaries(MEMBER, WORD | JSON, max_size=6) | JSON)
def test_no_entry_is_too_strange_to_be_read(entry: Any) -> None:
    start = {"projections": [{"projection": {"k": entry}}]}
    (projection,) = read_projections(start).values()
    facts = RunFacts(uid="u", start=start)
    resolved = resolve([projection], facts, {})
    assert list(resolved.outcomes) == ["k"]
    assert (resolved.outcomes["k"].status == "ok") == ("k" in resolved.made)


@given(st.dictionaries(st.text(), st.just({"type": "static", "value": 1}), max_size=6))
def test_each_key_is_made_or_has_its_issue(entries: dict[str, Any]) -> None:
    (projection,) = read_projections(
        {"projections": [{"projection": entries}]}
    ).values()
    resolved = resolve([projection], RunFacts(uid="u", start={}), {})
    assert list(resolved.outcomes) == list(entries)


@given(JSON)
def test_no_list_of_projections_is_too_strange(given_: Any) -> None:
    read_projections({"projections": given_})


def test_names_that_are_empty_or_shared_go_by_their_place() -> None:
    listed: list[dict[str, Any]]
    listed = [{"name": name, "projection": {}} for name in ("a", "b", "b", "", "3")]
    found = read_projections({"projections": listed})
    assert list(found) == ["a", "1", "2", "3", "3#4"]
    assert [one.name for one in choose(found, "*")] == ["a", "b", "b", "", "3"]
    assert choose(found, "2")[0].name == "b"
    with pytest.raises(Ambiguous, match="1, 2"):
        choose(found, "b")
    with pytest.raises(Ambiguous, match="a, 1"):
        choose(found, "")
    with pytest.raises(NotFound, match="there are: a"):
        choose(found, "z")
    assert choose({"a": found["a"]}, "") == (found["a"],)


HOSTILE = [
    "os:system", "os.system", "builtins:exec", "builtins:eval", "__import__('os')",
    "subprocess:run", "numpy:__class__", "numpy:add.__globals__", "numpy.add", "numpy:load",
    "numpy:f2py", "numpy:ctypeslib", "stats:mean.__init__", "ｏs:system", "os\u200b:system",
    "", ":", "os:", ":system", "numpy:add\n", " numpy:add", "NUMPY:ADD", "../os:system",
    "http://127.0.0.1:1/x:y", "pickle:loads", "antigravity:geohash", "this:s",
    "{0.__class__}", "%(x)s", "${x}", "importlib:import_module", "quire.app:serve",
    *(f"{module}:{name}" for module in ("os", "sys", "shutil", "ctypes", "socket")
      for name in ("__dict__", "__loader__", "system", "exit", "CDLL", "rmtree")),
]  # fmt: skip
PROGRAM = """
import json, sys
from quire.products.projection.builtin import built_in
from quire.products.projection.entries import read_projections
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.resolving import resolve
import pyarrow as pa
entries = json.loads(sys.stdin.read())
column = pa.field("data/f", pa.float64())
stream = StreamFacts(name="s", rows=1, columns={"f": column})
facts = RunFacts(uid="u", start={}, streams={"s": stream})
registry = built_in()
def run(entries):
    found = read_projections({"projections": [{"projection": entries}]})
    return resolve(found.values(), facts, registry)
def entry(name, **more):
    told = {"callable": name, "args": [], "kwargs": {}}
    told = {"calculation": told} if not more else told
    return {"type": "calculated", "location": "event", "stream": "s", "field": "f", **told}
run({"k": entry("stats:mean"), "l": {"type": "static", "value": {}}})
seen = []
WATCHED = ("import", "exec", "compile", "open", "subprocess.Popen", "os.system", "ctypes",
           "socket", "pickle", "code", "marshal")
def hook(name, arguments):
    if on and name.startswith(WATCHED):
        seen.append(name)
on = False
sys.addaudithook(hook)
on = True
codes = [run({"k": entry(name, **more)}).outcomes["k"].code
         for name in entries for more in ({}, {"flat": 1})]
heard, seen = seen, []
import sched
on = False
print(json.dumps([heard, codes, seen]))
"""


def test_a_hostile_name_is_only_ever_compared() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(HOSTILE),
        capture_output=True,
        text=True,
        check=True,
    )
    heard, codes, control = json.loads(done.stdout)
    assert heard == []
    assert codes == ["unknown_callable"] * 2 * len(HOSTILE)
    assert "import" in control, "the hook hears nothing"
