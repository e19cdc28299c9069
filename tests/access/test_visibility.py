from typing import Any

import pytest

from quire.access.principals import Principal, Scope
from quire.access.visibility import admits, audience, keys_of

ANN = Principal(name="ann")
BOB = Principal(name="bob", groups=("beam", "shift"))
ADMIN = Principal(name="root", scopes=frozenset({Scope.ADMIN_ALL}))


@pytest.mark.parametrize(
    ("start", "seen_by"),
    [
        ({}, ("user:ann",)),
        ({"owner": "bob"}, ("user:ann",)),
        ({"group": "beam"}, ("group:beam", "user:ann")),
        ({"data_groups": ["x", "b"]}, ("group:b", "group:x", "user:ann")),
        ({"data_groups": ("x",), "group": "b"}, ("group:b", "group:x", "user:ann")),
        ({"data_groups": ["public"]}, ("group:public", "public", "user:ann")),
        ({"group": "public"}, ("group:public", "public", "user:ann")),
        ({"data_groups": "public", "group": ["beam"]}, ("user:ann",)),
        ({"data_groups": [1, None, "", ["x"]], "group": ""}, ("user:ann",)),
    ],
)
def test_a_start_widens_whom_the_sender_lets_in(
    start: dict[str, Any], seen_by: tuple[str, ...]
) -> None:
    assert audience("ann", start) == seen_by


@pytest.mark.parametrize(
    ("seen_by", "who"),
    [
        (("user:ann",), [ANN, ADMIN]),
        (("group:shift", "user:eve"), [BOB, ADMIN]),
        (("group:ann", "user:beam"), [ADMIN]),
        (("public", "user:eve"), [ANN, BOB, ADMIN]),
        ((), [ADMIN]),
    ],
)
def test_a_list_admits_who_holds_one_of_its_keys(
    seen_by: tuple[str, ...], who: list[Principal]
) -> None:
    assert [each for each in (ANN, BOB, ADMIN) if admits(seen_by, keys_of(each))] == who
