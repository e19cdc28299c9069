"""What is read from Slurm's answers, and what is asked of sbatch."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.engines.slurm.endings import accounted, shown
from quire.engines.slurm.names import Names
from quire.engines.slurm.settings import SlurmSettings, check_options
from quire.engines.slurm.states import standing, together
from quire.engines.slurm.submission import check_tags, resource_options, script
from quire.errors import InputError
from quire.ports.launcher import Resources, There

NAMES = Names(Path("/data/one"))
WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="|"),
    min_size=1,
)


@given(WORDS, st.integers(1, 10**6))
def test_a_name_tells_its_attempt(job: str, attempt: int) -> None:
    assert NAMES.key(NAMES.of((job, attempt))) == (job, attempt)
    assert Names(Path("/data/two")).key(NAMES.of((job, attempt))) is None


@given(st.text())
def test_other_names_are_nobodys(name: str) -> None:
    assert NAMES.key(name) is None


@pytest.mark.parametrize(
    ("state", "means"),
    [
        ("PENDING", There.WAITING),
        ("RUNNING", There.RUNNING),
        ("COMPLETING", There.RUNNING),
        ("COMPLETED", There.GONE),
        ("NODE_FAIL", There.GONE),
        ("CANCELLED by 0", There.GONE),
        ("LAUNCH_FAILED_IN_A_LATER_SLURM", There.UNKNOWN),
    ],
)
def test_states_mean(state: str, means: There) -> None:
    assert standing(state) is means


def test_of_two_submissions_the_living_one_counts() -> None:
    assert together([There.GONE, There.RUNNING, There.WAITING]) is There.RUNNING
    assert together([There.GONE, There.WAITING]) is There.WAITING
    assert together([There.GONE, There.GONE]) is There.GONE


def test_nothing_is_asked_for_that_was_not_said() -> None:
    assert resource_options(Resources()) == ["--nodes=1", "--ntasks=1"]


def test_resources_become_options() -> None:
    asked = Resources(
        cores=2,
        memory=2**30 + 1,
        wall_clock=61,
        partition="p",
        tags=("ssd", "ib", "qos=high"),
    )
    assert resource_options(asked)[2:] == [
        "--cpus-per-task=2",
        "--mem=1025M",
        "--partition=p",
        "--time=3",
        "--constraint=ssd&ib",
        "--qos=high",
    ]
    assert resource_options(Resources(), seconds=1.0)[2:] == ["--time=2"]


@pytest.mark.parametrize("tag", ["wrap=rm -rf /", "qos=", "output=/etc/passwd"])
def test_tags_that_are_no_resources_are_refused(tag: str) -> None:
    with pytest.raises(InputError, match="tags"):
        check_tags([tag], place="tags")


@pytest.mark.parametrize("option", ["--job-name=x", "-Jx", "--requeue", "--array=1-9"])
def test_options_that_are_ours_are_refused(option: str) -> None:
    with pytest.raises(InputError, match=r"engines\.c\.options"):
        check_options(SlurmSettings(options=(option,)), place="engines.c")


def test_a_script_keeps_words_whole() -> None:
    text = script(["python", "-m", "x", "a b", "$HOME", "it's"], ["module load gcc"])
    assert text == (
        "#!/bin/sh\nmodule load gcc\nexec python -m x 'a b' '$HOME' 'it'\"'\"'s'\n"
    )


def test_what_scontrol_shows_counts_only_for_its_name() -> None:
    line = (
        "JobId=7 JobName=n JobState=TIMEOUT Reason=TimeLimit ExitCode=0:15 NodeList=a"
    )
    words = "JobState TIMEOUT, Reason TimeLimit, ExitCode 0:15, NodeList a"
    assert shown(line, "n") == words
    assert shown(line, "another") == ""


def test_what_sacct_tells() -> None:
    told = "FAILED|1:0|node1\nOUT_OF_MEMORY|0:125|node2\n"
    assert accounted(told) == "State OUT_OF_MEMORY, ExitCode 0:125, NodeList node2"
    assert accounted("") == accounted("Slurm accounting storage is disabled") == ""
