from quire.labs import phases


def test_the_percentages_are_nublados() -> None:
    assert list(map(phases.coming_up, range(3))) == [35, 48, 57]
    shares = (phases.ASKED, phases.ENDED, phases.DONE)
    clear = phases.CLEAR
    assert [phases.SPAWN.percent(clear, share) for share in shares] == [5, 12, 20]
    assert [phases.DELETE.percent(clear, share) for share in shares] == [25, 62, 100]
    assert (phases.SPAWNING, phases.CLEARING, phases.PLACED) == (1, 2, 30)
    assert phases.DELETING == 1


def test_coming_up_never_goes_back_nor_reaches_what_is_the_hubs() -> None:
    many = list(map(phases.coming_up, range(200)))
    assert many == sorted(many)
    assert many[-1] == 74
