import sys

from quire.engines.embedded.enforcement import control_groups, enforcements


def test_every_limit_is_tried_and_named() -> None:
    found = {one.limit: one for one in enforcements()}
    assert set(found) == {"memory", "cpu_seconds", "processes", "wall_clock", "end"}
    assert all(one.holds for one in found.values()), found
    assert "RLIMIT_AS" in found["memory"].means
    assert "RLIMIT_CPU" in found["cpu_seconds"].means


def test_what_is_not_kept_when_it_is_tried_is_told() -> None:
    said = 'print(\'{"memory": false, "processes": true}\')'
    found = {one.limit: one.holds for one in enforcements((sys.executable, "-c", said))}
    assert found == {
        "memory": False,
        "cpu_seconds": False,
        "processes": True,
        "wall_clock": True,
        "end": False,
    }


def test_a_trial_that_fails_keeps_nothing() -> None:
    program = (sys.executable, "-c", "raise SystemExit(1)")
    assert [one.limit for one in enforcements(program) if one.holds] == ["wall_clock"]


def test_the_control_groups_of_the_machine_are_named() -> None:
    assert "cgroups" in control_groups()
