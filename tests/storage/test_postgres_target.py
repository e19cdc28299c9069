import pytest

from quire.errors import InputError
from quire.storage.postgres.target import Target, refuse_password

SECRET = "hush"  # noqa: S105


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@host/name",
        f"postgresql://me@host/name?password={SECRET}",
        f"postgresql://host/name?sslpassword={SECRET}",
        f"postgres://:{SECRET}@/name",
    ],
)
def test_a_password_among_arguments_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(InputError, match="ps") as caught:
        refuse_password(url, "--database")
    assert SECRET not in str(caught.value)
    assert "PGPASSFILE" in str(caught.value)
    assert SECRET not in f"{Target(url)} {Target(url)!r}"
    assert SECRET in Target(url).conninfo()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://host/name",
        f"postgresql://me:{SECRET}@host:port:port/name?",
        f"postgresql://me:{SECRET}@host/name?nothing=known",
        f"host=here password={SECRET}",
    ],
)
def test_what_is_no_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InputError) as caught:
        refuse_password(url, "--database")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@host:5433/name", "postgresql://me@host:5433/name"),
        ("postgresql://host/name?sslmode=require", "postgresql://host/name"),
        ("postgresql:///name", "postgresql:///name"),
        ("postgresql://?service=quire", "postgresql:///?service=quire"),
    ],
)
def test_what_is_left_is_shown(url: str, shown: str) -> None:
    refuse_password(url, "--database")
    assert str(Target(url, password=SECRET)) == shown
    assert SECRET in Target(url, password=SECRET).conninfo()
