import pytest

from quire.errors import InputError
from quire.labs.errors import BadReference, BadSize, QuotaExceeded, UnknownImage
from quire.labs.lab import Resources
from quire.labs.settings import SIZES, LabSettings, image_for, requested

IMAGE = "quire.local/jupyterlab:4.6.6"
SMALL = Resources(cpu=1.0, memory=3 * 1024**3)


def test_sizes_come_smallest_first_and_can_be_replaced() -> None:
    assert list(LabSettings().offered()) == list(SIZES[:-1])
    assert LabSettings().limits("small") == SMALL
    own = LabSettings(sizes={"custom": SMALL, "fine": SMALL})
    assert list(own.offered()) == ["fine", "custom"]
    with pytest.raises(BadSize, match="one of fine, custom"):
        own.limits("small")


def test_a_quarter_is_reserved() -> None:
    assert requested(SMALL) == Resources(cpu=0.25, memory=805306368)


@pytest.mark.parametrize(
    "quota", [Resources(cpu=0.9, memory=2**50), Resources(cpu=9.0, memory=2**20)]
)
def test_a_quota_bounds_both(quota: Resources) -> None:
    with pytest.raises(QuotaExceeded, match="small"):
        LabSettings(quota=quota).limits("small")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (LabSettings(sizes={"vast": SMALL}), "labs.sizes.vast"),
        (
            LabSettings(sizes={"fine": Resources(cpu=0.0, memory=1)}),
            "labs.sizes.fine",
        ),
        (LabSettings(spawn_seconds=0), "labs.spawn_seconds"),
        (LabSettings(idle_seconds=-1), "labs.idle_seconds"),
    ],
)
def test_a_setting_that_cannot_be_is_named(settings: LabSettings, field: str) -> None:
    with pytest.raises(InputError) as caught:
        settings.check()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_class", "recommended"),
        ("image_class", "latest-daily"),
        ("image_tag", "4.6.6"),
        ("image_list", IMAGE),
        ("image_dropdown", f"{IMAGE}@sha256:1234"),
    ],
)
def test_the_one_image_has_many_names(field: str, value: str) -> None:
    assert image_for(field, value, IMAGE) == IMAGE


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("image_class", "newest", UnknownImage),
        ("image_tag", "4.6.5", UnknownImage),
        ("image_list", "lighthouse.ceres/library/sketchbook:r29", UnknownImage),
        ("image_list", "a b", BadReference),
        ("image_dropdown", ":", BadReference),
    ],
)
def test_another_image_is_refused(
    field: str, value: str, error: type[InputError]
) -> None:
    with pytest.raises(error) as caught:
        image_for(field, value, IMAGE)
    assert caught.value.field == f"/options/{field}"
