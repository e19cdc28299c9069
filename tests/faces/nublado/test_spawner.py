from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from tests.faces.nublado.serving import SETTINGS, FakeController, fake_controller
from tests.faces.nublado.spawner import Spawner, SpawnFailed

from quire.access.principals import Scope
from quire.testing.waiting import PATIENCE, until

ENV = {"JUPYTERHUB_SERVICE_PREFIX": "/nb/user/rachel/", "X": "ä"}
OPTIONS: dict[str, Any] = {
    "image_list": ["fake.local/lab:1.0"],
    "image_dropdown": [],
    "size": ["small"],
    "enable_debug": ["true"],
}
LAB = "/nublado/spawner/v1/labs/rachel"


@pytest.fixture
def controller() -> Iterator[FakeController]:
    with fake_controller() as controller:
        yield controller


@pytest.fixture
def spawner(controller: FakeController) -> Spawner:
    return spawner_of(controller)


def spawner_of(controller: FakeController) -> Spawner:
    user = controller.token("rachel", Scope.LABS_RUN)
    hub = controller.token("hub", Scope.LABS_ADMIN)
    return Spawner(controller.url, "rachel", user, hub)


@pytest.fixture
def hub(controller: FakeController) -> Iterator[httpx.Client]:
    with controller.http("hub", Scope.LABS_ADMIN) as http:
        yield http


@pytest.fixture
def rachel(controller: FakeController) -> Iterator[httpx.Client]:
    with controller.http("rachel", Scope.LABS_RUN) as http:
        yield http


def test_a_lab_from_its_start_to_its_end(
    controller: FakeController, spawner: Spawner, hub: httpx.Client
) -> None:
    assert 'value="fake.local/lab:1.0"' in spawner.options_form()
    assert spawner.poll() == 0

    url = spawner.start(OPTIONS, ENV)

    assert url == "http://lab.example:8888/nb/user/rachel/"
    assert [event["progress"] for event in spawner.events] == [1, 30, 35, 48, 75]
    assert spawner.events[0]["message"] == "[info] Starting the lab of rachel"
    assert spawner.events[-1]["message"] == "[complete] Lab of rachel is up"
    assert spawner.poll() is None
    assert spawner.get_url() == url
    assert hub.get("/nublado/spawner/v1/labs").json() == ["rachel"]
    order = controller.backend.orders[0]
    assert order.env["X"] == "ä"
    assert order.env["QUIRE_URL"] == controller.url
    assert order.options.enable_debug

    spawner.stop()

    assert spawner.poll() == 0
    assert hub.get(LAB).status_code == 404
    assert hub.get("/nublado/spawner/v1/labs").json() == []
    spawner.stop()  # 404 is success


def test_the_state_is_nublados(
    spawner: Spawner, hub: httpx.Client, rachel: httpx.Client
) -> None:
    spawner.start(OPTIONS, ENV)
    state = hub.get(LAB)
    assert state.json() == {
        "user": {
            "username": "rachel",
            "name": None,
            "uid": 1101,
            "gid": 1101,
            "groups": [{"name": "rachel", "id": 1101}],
        },
        "options": {
            "image": "fake.local/lab:1.0",
            "size": "small",
            "enable_debug": True,
            "reset_user_env": False,
        },
        "status": "running",
        "internal_url": "http://lab.example:8888/nb/user/rachel/",
        "resources": {
            "limits": {"cpu": 1.0, "memory": 3221225472},
            "requests": {"cpu": 0.25, "memory": 805306368},
        },
        "quota": {"cpu": 9.0, "memory": 28991029248},
    }
    assert rachel.get("/nublado/spawner/v1/user-status").json() == state.json()


def test_create_answers_at_once_with_the_labs_place(
    controller: FakeController, rachel: httpx.Client
) -> None:
    controller.backend.go_on.clear()
    made = rachel.post(f"{LAB}/create", json={"options": OPTIONS, "env": ENV})
    assert (made.status_code, made.json()) == (201, None)
    assert made.headers["location"] == f"{controller.url}{LAB}"
    assert rachel.get("/nublado/spawner/v1/user-status").json()["status"] == "pending"
    again = rachel.post(f"{LAB}/create", json={"options": OPTIONS, "env": ENV})
    assert again.status_code == 409
    assert again.json()["detail"][0]["type"] == "operation_in_progress"
    controller.call(controller.backend.go_on.set)


def test_a_lab_that_is_alive_is_replaced(
    controller: FakeController, spawner: Spawner, rachel: httpx.Client
) -> None:
    spawner.start(OPTIONS, ENV)
    refused = rachel.post(f"{LAB}/create", json={"options": OPTIONS, "env": ENV})
    assert refused.status_code == 409
    assert refused.json()["detail"][0]["type"] == "lab_exists"

    spawner.start(OPTIONS, ENV)

    first = {"progress": 1, "message": "[warning] Deleting existing orphaned lab"}
    assert spawner.events[0] == first
    assert [event["progress"] for event in spawner.events[1:]] == [1, 30, 35, 48, 75]
    assert len(controller.backend.orders) == 2


def test_a_dead_lab_is_deleted_within_the_new_start(
    controller: FakeController, spawner: Spawner
) -> None:
    spawner.start(OPTIONS, ENV)
    controller.backend.end(controller.backend.orders[0].id)
    until(lambda: spawner.poll() == 0)
    controller.backend.deleted.clear()

    spawner.start(OPTIONS, ENV)

    shown = [event["progress"] for event in spawner.events]
    assert shown == [1, 2, 5, 12, 20, 30, 35, 48, 75]
    assert controller.backend.deleted == [controller.backend.orders[0].id]


@pytest.mark.parametrize("where", ["create_fails", "ready_fails"])
def test_a_start_that_fails_says_why(
    controller: FakeController, spawner: Spawner, where: str
) -> None:
    setattr(controller.backend, where, "no node has room")
    with pytest.raises(SpawnFailed, match="Lab spawn failed"):
        spawner.start(OPTIONS, ENV)
    assert spawner.events[-2]["message"] == "[error] no node has room"
    assert spawner.poll() == 1
    # Nothing is left of it, and the next one works.
    assert controller.backend.deleted == [controller.backend.orders[0].id]
    setattr(controller.backend, where, "")
    spawner.start(OPTIONS, ENV)
    assert spawner.poll() is None


def test_a_start_has_its_time() -> None:
    with fake_controller(replace(SETTINGS, spawn_seconds=0.2)) as controller:
        controller.backend.go_on.clear()
        spawner = spawner_of(controller)
        with pytest.raises(SpawnFailed):
            spawner.start(OPTIONS, ENV)
        wrong = spawner.events[-2]["message"]
        assert wrong == "[error] the lab of rachel was not up within 0.2 s (its limit)"


def test_deleting_during_a_start_cancels_it(
    controller: FakeController, spawner: Spawner, rachel: httpx.Client
) -> None:
    controller.backend.go_on.clear()
    with ThreadPoolExecutor() as threads:
        starting = threads.submit(spawner.start, OPTIONS, ENV)
        until(lambda: len(spawner.events) == 4)
        spawner.stop()
        with pytest.raises(SpawnFailed, match="Operation cancelled"):
            starting.result(PATIENCE)
    assert spawner.poll() == 0
    missing = rachel.get(f"{LAB}/events")
    assert missing.status_code == 404
    where = ["path", "username"]
    assert missing.json()["detail"][0]["loc"] == where
    assert missing.json()["detail"][0]["type"] == "unknown_user"


def test_concurrent_deletions_wait_for_the_same(
    controller: FakeController, spawner: Spawner, hub: httpx.Client
) -> None:
    spawner.start(OPTIONS, ENV)
    controller.backend.may_delete.clear()
    with ThreadPoolExecutor() as threads:
        deleting = [threads.submit(spawner.stop) for _ in range(3)]
        until(lambda: hub.get(LAB).json()["status"] == "terminating")
        assert hub.get(LAB).json()["internal_url"] is None
        assert spawner.poll() == 0
        assert not any(one.done() for one in deleting)
        controller.call(controller.backend.may_delete.set)
        for one in deleting:
            one.result(PATIENCE)
    assert len(controller.backend.deleted) == 1


def test_a_deletion_ends_its_stream(
    controller: FakeController, spawner: Spawner, rachel: httpx.Client
) -> None:
    spawner.start(OPTIONS, ENV)
    controller.backend.may_delete.clear()
    with ThreadPoolExecutor() as threads:
        deleting = threads.submit(spawner.stop)
        state = "/nublado/spawner/v1/user-status"
        until(lambda: rachel.get(state).json()["status"] == "terminating")
        with rachel.stream("GET", f"{LAB}/events") as answer:
            lines = answer.iter_lines()
            heard = [next(lines)]
            controller.call(controller.backend.may_delete.set)
            heard += lines
        deleting.result(PATIENCE)
    told = [line for line in heard if line.startswith(("event", "data"))]
    assert told[-2] == "event: complete"
    percents = [line.rpartition(": ")[2] for line in told if "progress" in line]
    assert percents == ["1}", "25}", "62}", "100}"]


def test_a_deletion_that_fails_is_told(
    controller: FakeController, spawner: Spawner, hub: httpx.Client
) -> None:
    spawner.start(OPTIONS, ENV)
    controller.backend.delete_fails = "the node is away"
    refused = hub.delete(LAB)
    assert refused.status_code == 500
    detail = refused.json()["detail"][0]
    assert detail["type"] == "delete_failed"
    assert "the node is away" in detail["msg"]
    assert spawner.poll() == 1
    controller.backend.delete_fails = ""
    assert hub.delete(LAB).status_code == 204


def test_a_labs_token_ends_with_it(
    controller: FakeController, spawner: Spawner
) -> None:
    spawner.start(OPTIONS, ENV)
    secret = controller.backend.orders[0].env["QUIRE_TOKEN"]
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"{controller.url}/nublado/spawner/v1/user-status"
    assert httpx.get(url, headers=headers, timeout=PATIENCE).status_code == 200
    spawner.stop()
    assert httpx.get(url, headers=headers, timeout=PATIENCE).status_code == 401


def test_a_stream_is_resumed_and_ends(spawner: Spawner, rachel: httpx.Client) -> None:
    spawner.start(OPTIONS, ENV)
    whole = rachel.get(f"{LAB}/events")
    assert whole.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert whole.headers["cache-control"] == "no-store"
    assert [line for line in whole.text.split("\r\n") if line[:3] == "id:"] == [
        f"id: {number}" for number in range(1, 6)
    ]
    rest = rachel.get(f"{LAB}/events", headers={"Last-Event-ID": "4"})
    assert rest.text.count("event:") == 1
    done = rachel.get(f"{LAB}/events", headers={"Last-Event-ID": "5"})
    assert done.status_code == 204


def test_a_name_may_be_any(controller: FakeController) -> None:
    with controller.http("ä b", Scope.LABS_RUN) as http:
        made = http.post(
            "/nublado/spawner/v1/labs/ä b/create?x=1",
            json={"options": OPTIONS, "env": ENV},
        )
    assert made.status_code == 201
    place = f"{controller.url}/nublado/spawner/v1/labs/%C3%A4%20b"
    assert made.headers["location"] == place


def test_what_nobody_asked_for_is_ended(controller: FakeController) -> None:
    controller.backend.stray("11111111-1111-4111-8111-111111111111")
    until(lambda: controller.backend.deleted)


def test_there_is_one_image_and_nothing_to_pull(
    hub: httpx.Client, rachel: httpx.Client
) -> None:
    root = "/nublado/spawner/v1"
    aliases = ["recommended", "latest_weekly", "latest_daily", "latest_release"]
    image = {
        "reference": "fake.local/lab:1.0",
        "tag": "1.0",
        "name": "lab 1.0",
        "digest": None,
        "aliases": aliases,
        "prepulled": True,
    }
    every = dict.fromkeys(aliases, image)
    assert hub.get(f"{root}/images").json() == {**every, "all": [image]}
    assert hub.get(f"{root}/prepulls").json() == {
        "config": {},
        "images": {"prepulled": [], "pending": []},
        "nodes": [],
    }
    for name in ("images", "prepulls"):
        assert rachel.get(f"{root}/{name}").status_code == 403
