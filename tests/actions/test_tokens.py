import pytest

from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.tokens import LOGIN_SECONDS, Tokens
from quire.errors import NotFound, Unauthenticated
from quire.ports.store import Store
from quire.testing.still_clock import StillClock


@pytest.fixture
def tokens(store: Store, clock: StillClock) -> Tokens:
    return Tokens(store, clock)


async def test_only_the_hash_is_stored(
    tokens: Tokens, store: Store, staff: Principal
) -> None:
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    everything = await store.view(lambda tx: repr(tx.tokens.all()))
    assert issued.secret not in everything
    assert await tokens.admit(issued.secret, TokenUse.API) == staff


async def test_a_token_is_good_for_its_use_alone(
    tokens: Tokens, staff: Principal
) -> None:
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    for use in (TokenUse.SESSION, TokenUse.LOGIN):
        with pytest.raises(Unauthenticated):
            await tokens.admit(issued.secret, use)
    await tokens.admit(issued.secret, TokenUse.API)
    with pytest.raises(Unauthenticated):
        await tokens.admit(issued.secret, TokenUse.SESSION)


@pytest.mark.parametrize("secret", ["", "nonsense", "\udcff", "é", "x" * 100_000])
async def test_garbage_admits_nobody(tokens: Tokens, secret: str) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.admit(secret, TokenUse.API)


async def test_a_token_ends(
    tokens: Tokens, staff: Principal, clock: StillClock
) -> None:
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=10.0)
    await tokens.admit(issued.secret, TokenUse.API)
    clock.advance(10.0)
    with pytest.raises(Unauthenticated):
        await tokens.admit(issued.secret, TokenUse.API)


async def test_a_revoked_token_is_no_good_at_once(
    tokens: Tokens, staff: Principal
) -> None:
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    await tokens.admit(issued.secret, TokenUse.API)
    with pytest.raises(NotFound):
        await tokens.revoke("")
    await tokens.revoke(issued.token.hash[:12])
    with pytest.raises(Unauthenticated):
        await tokens.admit(issued.secret, TokenUse.API)


async def test_a_login_link_is_good_once(
    tokens: Tokens, staff: Principal, clock: StillClock
) -> None:
    link = await tokens.issue(staff, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    session = await tokens.log_in(link.secret)
    assert await tokens.admit(session.secret, TokenUse.SESSION) == staff
    with pytest.raises(Unauthenticated):
        await tokens.log_in(link.secret)
    late = await tokens.issue(staff, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    clock.advance(LOGIN_SECONDS)
    with pytest.raises(Unauthenticated):
        await tokens.log_in(late.secret)
