from http import HTTPStatus

import pytest
from fastapi import HTTPException
from tiled.server.core import NoEntry  # type: ignore[import-untyped]

from quire.client.errors import ConnectionLost, NoServer, refusal
from quire.tiled.refusing import asked
from quire.tiled.refusing import refusal as told

CASES = [
    (refusal(400, {"detail": "no"}), HTTPStatus.BAD_REQUEST),
    (refusal(401, {"detail": "no"}), HTTPStatus.FORBIDDEN),
    (refusal(403, {"detail": "no"}), HTTPStatus.FORBIDDEN),
    (refusal(507, {"detail": "full"}), HTTPStatus.INSUFFICIENT_STORAGE),
    # Whoever hears 503 asks again, which takes as long.
    (refusal(503, {"code": "search_too_slow"}), HTTPStatus.BAD_REQUEST),
    (refusal(503, {"detail": "not ready"}), HTTPStatus.SERVICE_UNAVAILABLE),
    (ConnectionLost("there", "reset"), HTTPStatus.SERVICE_UNAVAILABLE),
    (NoServer("nowhere"), HTTPStatus.BAD_GATEWAY),
]


@pytest.mark.parametrize(("error", "status"), CASES, ids=lambda one: repr(one)[:40])
async def test_each_refusal_has_its_status(
    error: Exception, status: HTTPStatus
) -> None:
    def work() -> None:
        raise error

    with pytest.raises(HTTPException) as caught:
        await asked(work)
    assert caught.value.status_code == status
    assert str(error) in caught.value.detail


@pytest.mark.parametrize(
    "problem", [(404, {"detail": "none"}), (409, {"code": "ambiguous"})]
)
def test_what_is_not_one_run_is_no_entry(problem: tuple[int, dict[str, str]]) -> None:
    assert isinstance(told(refusal(*problem)), NoEntry)
