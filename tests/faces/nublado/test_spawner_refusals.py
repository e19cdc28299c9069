"""What the spawner's face refuses, and whom."""

from typing import Any

import httpx
import pytest
from tests.faces.nublado.serving import FakeController, fake_controller
from tests.faces.nublado.spawner import Spawner
from tests.faces.nublado.test_spawner import (
    ENV,
    LAB,
    OPTIONS,
    controller,
    hub,
    rachel,
    spawner,
)

from quire.access.principals import Scope
from quire.access.proxy import ProxySettings
from quire.testing.waiting import PATIENCE

__all__ = ["controller", "hub", "rachel", "spawner"]

BAD: list[tuple[Any, int, str, list[Any] | None]] = [
    ({"env": ENV}, 422, "missing", ["body", "options"]),
    ({"options": OPTIONS}, 422, "missing", ["body", "env"]),
    ({"options": OPTIONS, "env": {}}, 422, "value_error", ["body", "env"]),
    (
        {"options": OPTIONS, "env": {**ENV, "A": 1}},
        422,
        "string_type",
        ["body", "env", "A"],
    ),
    (
        {"options": {**OPTIONS, "size": ["small", "large"]}, "env": ENV},
        422,
        "value_error",
        ["body", "options", "size"],
    ),
    (
        {"options": {**OPTIONS, "size": "vast"}, "env": ENV},
        422,
        "invalid_lab_size",
        ["body", "options", "size"],
    ),
    (
        {"options": {**OPTIONS, "size": "huge"}, "env": ENV},
        403,
        "insufficient_quota",
        ["body", "options", "size"],
    ),
    (
        {"options": {**OPTIONS, "image_class": "recommended"}, "env": ENV},
        422,
        "value_error",
        ["body", "options"],
    ),
    ({"options": {"size": "small"}, "env": ENV}, 422, "value_error", None),
    (
        {"options": {"size": "small", "image_tag": "2.0"}, "env": ENV},
        400,
        "unknown_image",
        ["body", "options", "image_tag"],
    ),
    (
        {"options": {"size": "small", "image_list": "!!"}, "env": ENV},
        422,
        "invalid_docker_reference",
        ["body", "options", "image_list"],
    ),
    (
        {"options": {**OPTIONS, "enable_debug": "perhaps"}, "env": ENV},
        422,
        "bool_parsing",
        ["body", "options", "enable_debug"],
    ),
    ([], 422, "dict_type", ["body"]),
]


@pytest.mark.parametrize(("body", "status", "kind", "where"), BAD)
def test_what_is_wrong_is_said_in_nublados_way(
    rachel: httpx.Client,
    body: Any,
    status: int,
    kind: str,
    where: list[Any] | None,
) -> None:
    refused = rachel.post(f"{LAB}/create", json=body)
    assert refused.status_code == status, refused.text
    detail = refused.json()["detail"][0]
    assert detail["type"] == kind
    assert isinstance(detail["msg"], str)
    if where is not None:
        assert detail["loc"] == where
    assert rachel.get("/nublado/spawner/v1/user-status").status_code == 404


@pytest.mark.parametrize(
    "options",
    [
        {"size": "SMALL", "image_class": "latest-weekly"},
        {"size": "small", "image_tag": "1.0", "image_list": None},
        {
            "size": "small",
            "image_list": "fake.local/lab:1.0",
            "image_dropdown": "other/lab:2",
        },
        {
            "size": "small",
            "image_list": ["use_image_from_dropdown"],
            "image_dropdown": ["fake.local/lab:1.0@sha256:1234"],
            "reset_user_env": True,
        },
    ],
)
def test_images_are_chosen_in_each_way(spawner: Spawner, options: Any) -> None:
    assert spawner.start(options, ENV)


def test_each_kind_of_token_has_its_routes(
    controller: FakeController, hub: httpx.Client, rachel: httpx.Client
) -> None:
    body = {"options": OPTIONS, "env": ENV}
    root = "/nublado/spawner/v1"
    for http, method, path in (
        (rachel, "GET", f"{root}/labs"),
        (rachel, "GET", LAB),
        (rachel, "DELETE", LAB),
        (hub, "POST", f"{LAB}/create"),
        (hub, "GET", f"{LAB}/events"),
        (hub, "GET", f"{root}/user-status"),
        (hub, "GET", f"{root}/lab-form/rachel"),
        (rachel, "POST", f"{root}/labs/ross/create"),
        (rachel, "GET", f"{root}/labs/ross/events"),
        (rachel, "GET", f"{root}/lab-form/ross"),
    ):
        json = body if method == "POST" else None
        refused = http.request(method, path, json=json)
        assert refused.status_code == 403, path
        assert refused.json()["detail"][0]["type"] == "permission_denied"
        unknown = httpx.request(method, f"{controller.url}{path}", json=json)
        assert unknown.status_code == 401
        assert unknown.json()["detail"][0]["type"] == "invalid_token"


def test_who_has_no_account_is_told_why(controller: FakeController) -> None:
    with controller.http("nobody", Scope.LABS_RUN) as http:
        body = {"options": OPTIONS, "env": ENV}
        refused = http.post("/nublado/spawner/v1/labs/nobody/create", json=body)
        assert refused.status_code == 403
        assert "an account" in refused.json()["detail"][0]["msg"]


SECRET = "of the trusted proxy"  # noqa: S105
USER, TOKEN = "x-auth-request-user", "x-auth-request-token"


def test_the_trusted_proxy_says_who_asks() -> None:
    trusted = ProxySettings(addresses=("127.0.0.1",), secret=SECRET)
    with fake_controller(proxy=trusted) as controller:
        secret = {"x-quire-proxy-secret": SECRET}
        own = controller.token("rachel", Scope.LABS_RUN)
        others = controller.token("wrench", Scope.LABS_RUN)
        form = "/nublado/spawner/v1/lab-form/rachel"
        status = "/nublado/spawner/v1/user-status"
        with httpx.Client(
            base_url=controller.url, headers=secret, timeout=PATIENCE
        ) as http:
            rachel = {USER: "rachel"}
            body = {"options": OPTIONS, "env": ENV}
            delegated = {**rachel, TOKEN: "gt-of-another-issuer"}
            made = http.post(f"{LAB}/create", json=body, headers=delegated)
            assert made.status_code == 201
            assert "complete" in http.get(f"{LAB}/events", headers=rachel).text
            shown = http.get(status, headers=rachel).json()
            assert shown["user"]["username"] == "rachel"
            assert http.get(form, headers={**rachel, TOKEN: own}).status_code == 200

            stolen = http.get(form, headers={**rachel, TOKEN: others})
            assert stolen.status_code == 401
            assert stolen.json()["detail"][0]["type"] == "invalid_token"
            assert http.get(form, headers={USER: "wrench"}).status_code == 403
            twice = http.get(status, headers=[(USER, "rachel"), (USER, "wrench")])
            assert twice.status_code == 422
            assert twice.json()["detail"][0]["loc"] == ["header", "X-Auth-Request-User"]
            # The hub's routes take a token, whoever the proxy names.
            assert http.get(LAB, headers=rachel).status_code == 401
            assert http.delete(LAB, headers=rachel).status_code == 401


def test_nobody_else_says_who_asks(controller: FakeController) -> None:
    status = f"{controller.url}/nublado/spawner/v1/user-status"
    forged = {USER: "rachel", "x-quire-proxy-secret": SECRET}
    assert httpx.get(status, headers=forged, timeout=PATIENCE).status_code == 401
