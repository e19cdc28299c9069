import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.engines.launching import (
    TOKEN_VARIABLE,
    runner_command,
    runner_environment,
)
from quire.ports.launcher import Resources, RunnerOrder
from quire.runner import read_arguments

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)
ORDERS = st.builds(
    RunnerOrder,
    job=st.uuids().map(str),
    attempt=st.integers(1, 100),
    kind=WORDS,
    url=WORDS.map("https://{}/quire".format),
    token=WORDS.map("qa_{}".format),
    others=st.lists(WORDS.map("https://{}".format), max_size=3).map(tuple),
    deadline=st.floats(0, 1e6),
    memory=st.integers(0, 2**40),
    cpu_seconds=st.floats(0, 1e6),
    processes=st.integers(0, 1000),
    data_folder=st.sampled_from(["", "/mnt/with space"]),
    address_file=st.sampled_from(["", "/data/server.json"]),
    scratch=st.sampled_from(["", "/scratch"]),
    kinds=WORDS.map("{}:f".format),
    tables=st.sampled_from(["", '{"commands": {"a": "-- \\"b\\""}}']),
    beat=st.floats(0.01, 100),
)


@given(ORDERS)
def test_the_command_says_all_but_the_token(order: RunnerOrder) -> None:
    command = runner_command(order, python="python3.11")
    assert command[:3] == ("python3.11", "-m", "quire.runner")
    assert not any(order.token in word for word in command)
    assert order.token not in repr(order)
    read, control = read_arguments(command[3:], runner_environment(order))
    assert read == replace(order, resources=Resources())
    assert control is None


def test_without_a_token_it_says_what_is_missing() -> None:
    order = RunnerOrder(job="j", attempt=1, kind="k", url="http://x", token="")
    done = subprocess.run(
        runner_command(order, python=sys.executable),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert TOKEN_VARIABLE in done.stderr
    assert "Traceback" not in done.stderr


def test_the_runner_loads_no_part_of_the_server() -> None:
    """It starts anew for each attempt on Slurm: what it loads is waited for."""
    program = (
        "import sys, quire.runner, quire.kinds.registry;"
        "quire.kinds.registry.built_in();"
        "print(*({'asyncio', 'starlette', 'apsw', 'psycopg', 'httpx', 'numpy'}"
        " & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""
