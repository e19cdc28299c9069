from quire.labs import phases


def nearer(times: int) -> list[int]:
    shown: int | None = None
    found = []
    for _ in range(times):
        shown = phases.COMING_UP.nearer(shown)
        found.append(shown)
    return found


def test_the_percentages_are_nublados() -> None:
    assert nearer(3) == [35, 48, 57]
    shares = (phases.ASKED, phases.ENDED, phases.DONE)
    assert [phases.CLEARING.at(share) for share in shares] == [5, 12, 20]
    assert [phases.DELETING.at(share) for share in shares] == [25, 62, 100]
    assert (phases.SPAWNING, phases.CLEARING.begin, phases.PLACED) == (1, 2, 30)


def test_coming_up_never_goes_back_nor_reaches_what_is_the_hubs() -> None:
    many = nearer(200)
    assert many == sorted(many)
    assert many[-1] < phases.COMING_UP.high
