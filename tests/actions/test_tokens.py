import pytest
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.tokens import (
    FRESH_SECONDS,
    KNOWN_SECONDS,
    LOGIN_SECONDS,
    Issued,
    Tokens,
)
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
    admitted = await tokens.admit(issued.secret, TokenUse.API)
    assert admitted == replace(staff, token=issued.token.hash)


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
    admitted = await tokens.admit(session.secret, TokenUse.SESSION)
    assert admitted == replace(staff, token=session.token.hash)
    with pytest.raises(Unauthenticated):
        await tokens.log_in(link.secret)
    late = await tokens.issue(staff, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    clock.advance(LOGIN_SECONDS)
    with pytest.raises(Unauthenticated):
        await tokens.log_in(late.secret)


async def _session(tokens: Tokens, secret: str) -> Issued:
    """Return a session that the holder of a token begins."""
    holder = await tokens.admit(secret, TokenUse.API)
    link = await tokens.issue(holder, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    return await tokens.log_in(link.secret)


async def test_a_session_does_not_outlive_its_token(
    tokens: Tokens, staff: Principal, clock: StillClock
) -> None:
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=60.0)
    session = await _session(tokens, issued.secret)
    clock.advance(59.0)
    holder = await tokens.admit(session.secret, TokenUse.SESSION)
    assert holder == await tokens.admit(issued.secret, TokenUse.API)
    # Nor does one that was begun by it.
    link = await tokens.issue(holder, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    second = await tokens.log_in(link.secret)
    link = await tokens.issue(holder, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    clock.advance(1.0)
    for one in (session, second):
        with pytest.raises(Unauthenticated):
            await tokens.admit(one.secret, TokenUse.SESSION)
    with pytest.raises(Unauthenticated):
        await tokens.log_in(link.secret)


async def test_a_session_ends_with_the_token_that_is_revoked(
    tokens: Tokens, store: Store, staff: Principal
) -> None:
    other = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    issued = await tokens.issue(staff, use=TokenUse.API, lifetime=None)
    kept = await _session(tokens, other.secret)
    session = await _session(tokens, issued.secret)
    holder = await tokens.admit(session.secret, TokenUse.SESSION)
    link = await tokens.issue(holder, use=TokenUse.LOGIN, lifetime=LOGIN_SECONDS)
    await tokens.revoke(issued.token.hash)
    with pytest.raises(Unauthenticated):
        await tokens.admit(session.secret, TokenUse.SESSION)
    with pytest.raises(Unauthenticated):
        await tokens.log_in(link.secret)
    await tokens.admit(kept.secret, TokenUse.SESSION)
    assert len(await store.view(lambda tx: tx.tokens.all())) == 2
