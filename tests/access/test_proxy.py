import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.access.proxy import ProxySettings, TrustedProxy
from quire.errors import InputError

SECRET = "sixteen letters."  # noqa: S105
PROXY = TrustedProxy(
    ProxySettings(addresses=("10.0.0.0/24", "::1", "127.0.0.1"), secret=SECRET)
)


@pytest.mark.parametrize("peer", ["10.0.0.9", "127.0.0.1", "::1"])
def test_the_proxy_is_known_by_address_and_secret(peer: str) -> None:
    assert PROXY.there
    assert PROXY.sent(peer, [SECRET])


@pytest.mark.parametrize("peer", ["10.0.1.9", "::2", "", "10.0.0", None])
def test_the_secret_from_elsewhere_is_not_enough(peer: str | None) -> None:
    assert not PROXY.sent(peer, [SECRET])


@given(st.lists(st.text(), max_size=2).filter(lambda given: given != [SECRET]))
def test_nothing_but_the_secret_will_do(given: list[str]) -> None:
    assert not PROXY.sent("10.0.0.9", given)
    assert not PROXY.sent("10.0.0.9", [SECRET, SECRET])


def test_by_default_nobody_is_trusted() -> None:
    nobody = TrustedProxy(ProxySettings())
    assert not nobody.there
    assert not nobody.sent("127.0.0.1", [""])
    assert not nobody.sent("127.0.0.1", [])


@pytest.mark.parametrize(
    "settings",
    [
        ProxySettings(addresses=("127.0.0.1",)),
        ProxySettings(secret=SECRET),
        ProxySettings(addresses=("127.0.0.1",), secret=SECRET[:-1]),
        ProxySettings(addresses=("localhost",), secret=SECRET),
        ProxySettings(addresses=("10.0.0.1/24",), secret=SECRET),
    ],
)
def test_half_a_proxy_is_refused(settings: ProxySettings) -> None:
    with pytest.raises(InputError):
        TrustedProxy(settings)
