import pytest

from quire.access.principals import Principal, Scope, require
from quire.access.tokens import Token, TokenUse
from quire.errors import Forbidden

ANN = Principal(name="ann", scopes=frozenset({Scope.RUNS_READ}))
ADMIN = Principal(name="root", scopes=frozenset({Scope.ADMIN_ALL}))


def test_a_scope_is_given_or_an_admins() -> None:
    require(ANN, Scope.RUNS_READ)
    for scope in Scope:
        require(ADMIN, scope)
    for scope in set(Scope) - ANN.scopes:
        with pytest.raises(Forbidden, match=f"ann.*{scope.value}"):
            require(ANN, scope)


def test_none_but_an_admin_sees_what_others_own() -> None:
    assert (ANN.visible_owner, ADMIN.visible_owner) == ("ann", None)
    assert ANN.can_see("ann")
    assert not ANN.can_see("bob")
    assert ADMIN.can_see("bob")


def test_a_token_says_who_holds_it_until_it_expires() -> None:
    token = Token(
        hash="",
        use=TokenUse.API,
        name="ann",
        groups=("beam",),
        scopes=(Scope.RUNS_READ,),
        expires=10.0,
        service="tap",
    )
    assert token.principal() == Principal(
        name="ann", groups=("beam",), scopes=frozenset({Scope.RUNS_READ}), service="tap"
    )
    assert [token.live(now) for now in (9.9, 10.0)] == [True, False]
    assert Token(hash="", use=TokenUse.API, name="ann").live(1e12)
