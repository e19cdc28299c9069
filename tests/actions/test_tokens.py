import pytest

from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.tokens import FRESH_SECONDS, KNOWN_SECONDS, LOGIN_SECONDS, Tokens
from quire.errors import NotFound, Unauthenticated
from quire.ports.store import Store
from quire.testing.still_clock import StillClock
from quire.testing.waiting import until_async


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


@pytest.mark.parametrize("later", [FRESH_SECONDS, KNOWN_SECONDS])
async def test_what_one_server_revokes_another_refuses_soon(
    tokens: Tokens, store: Store, staff: Principal, clock: StillClock, later: float
) -> None:
    another = Tokens(store, clock)
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    await another.admit(issued.secret, TokenUse.API)
    await tokens.revoke(issued.token.hash[:12])
    clock.advance(later)

    async def refused() -> bool:
        try:
            await another.admit(issued.secret, TokenUse.API)
        except Unauthenticated:
            return True
        return False

    if later == KNOWN_SECONDS:
        assert await refused()
    await until_async(refused)


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
