"""Belle II's RunDB face, asked as its client asks (``reference/rundb.md``, section 1).

The client below is our own, written to the fifteen observed demands: `requests`, one
header for all requests, `next` and `url` followed as they come, booleans, lists, dates
and floats as Python prints them.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
import requests
from tests.faces.search.conftest import RUNS, searched, start, uid

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

__all__ = ["searched"]

DETECTORS = ("pxd", "svd", "cdc", "ecl")
FILL = "a5" * 640
"""Of 5,120 buckets, hexadecimal."""


class Client:
    """What the facility's client does with a run database."""

    def __init__(self, url: str, token: str, basic: tuple[str, str] | None) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Content-Type"] = "application/json"
        if basic is None:
            self._session.headers["Authorization"] = f"Bearer {token}"
        else:
            self._session.auth = basic

    def get(self, url: str, **parameters: Any) -> Any:
        given = {name: value for name, value in parameters.items() if value is not None}
        answer = self._session.get(url, params=given)
        answer.raise_for_status()
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def post(self, path: str, body: Any) -> None:
        self._session.post(f"{self._url}{path}", json=body).raise_for_status()

    def get_run_info(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self._url}/rest/v1/runs/"
        while url:
            found = self.get(url, **parameters)
            parameters = {}
            yield from found["results"]
            url = found["next"]

    def get_details(self, summary: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.get(summary["url"])
        return found


@pytest.fixture(params=["bearer", "basic"])
def client(searched: ServerProcess, request: pytest.FixtureRequest) -> Client:
    address = searched.address
    basic = ("shifter", address.token) if request.param == "basic" else None
    return Client(address.url, address.token, basic)


def numbers(found: Iterator[dict[str, Any]]) -> list[int]:
    return [int(run["url"].rstrip("/").rsplit("/", 1)[1][:8], 16) for run in found]


def test_all_runs_ascend_by_experiment_and_run(client: Client) -> None:
    assert numbers(client.get_run_info(limit=7)) == list(range(RUNS))
    assert numbers(client.get_run_info()) == list(range(RUNS))


def test_what_a_page_holds(client: Client, searched: ServerProcess) -> None:
    url = f"{searched.address.url}/rest/v1/runs/"
    page = client.get(url, limit=5)
    assert set(page) == {"count", "next", "previous", "results"}
    assert page["count"] == RUNS
    assert page["next"].startswith(f"{url}?")
    assert client.get(url, limit=100)["next"] is None
    assert client.get(url, limit=100, offset=20)["results"][0]["run"] == 9


def test_a_summary_leads_to_the_expanded_run(client: Client) -> None:
    summary = next(client.get_run_info(min_experiment=27))
    assert set(summary) == {
        "experiment", "run", "run_type", "url", "time_start", "time_stop",
    }  # fmt: skip
    details = client.get_details(summary)
    expanded = next(client.get_run_info(min_experiment=27, expand=True))
    assert details == expanded
    assert (details["experiment"], details["run"]) == (27, 1)
    assert details["detectors"]["status_pxd"] == "OFF"
    assert details["statistics"]["lumi_recorded"] is None
    assert details["her"]["fill_pattern"] == ""
    assert details["time_start"].endswith("+00:00")


def test_what_readers_ask_for_is_there_though_nobody_said_it(client: Client) -> None:
    for run in client.get_run_info(expand=True):
        # As a script of theirs goes through runs.
        states = [run["detectors"][f"status_{name}"] for name in DETECTORS]
        assert states in [["RUNNING", None, None, None], ["OFF", None, None, None]]
        assert run["detectors"]["magnet_solenoid_field"] is None
        assert [run["quality_expert"][name] for name in DETECTORS] == [None] * 4


def test_a_run_that_goes_on_has_no_end(client: Client) -> None:
    assert list(client.get_run_info())[-1]["time_stop"] is None


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"min_experiment": 27}, range(12, 24)),
        ({"max_experiment": "26"}, range(12)),
        ({"min_run": 3, "max_run": 1e1}, [*range(2, 10), *range(14, 22)]),
        ({"run_type": "physics"}, range(18)),
        ({"run_type": ["physics", "cosmic"]}, range(24)),
        ({"run_type": "nosuch"}, []),
        ({"all_detectors_running": True}, [n for n in range(24) if n % 4]),
        ({"all_detectors_running": "0"}, range(0, 24, 4)),
        ({"min_date": date(2023, 11, 14), "max_date": "2023-11-14"}, range(24)),
        ({"min_date": "2023-11-15"}, []),
        ({"max_date": "2023-11-13"}, []),
        ({"from": "26:11", "to": "27:2"}, [10, 11, 12, 13]),
        ({"q": "sample.name ~ 'Cu*'"}, range(1, 24, 2)),
        ({"min_run": 5, "max_run": 5, "run_type": None}, [4, 16]),
    ],
)
def test_parameters_filter(
    parameters: dict[str, Any], expected: Any, client: Client
) -> None:
    assert numbers(client.get_run_info(limit=5, **parameters)) == list(expected)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"min_rum": 3}, "min_rum"),
        ({"min_run": "x"}, "min_run"),
        ({"min_run": "10.5"}, "min_run"),
        ({"min_run": "1e999"}, "min_run"),
        ({"min_run": "9" * 400}, "min_run"),
        ({"min_run": ["1", "2"]}, "min_run"),
        ({"expand": "maybe"}, "expand"),
        ({"min_date": "14.11.2023"}, "min_date"),
        ({"max_date": "9999-12-31"}, "max_date"),
        ({"limit": "0"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "99999999"}, "offset"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"from": "26"}, "from"),
        ({"q": "run_typ = x"}, "run_type"),
    ],
)
def test_a_bad_parameter_is_400_with_a_detail(
    parameters: dict[str, Any], named: str, client: Client
) -> None:
    with pytest.raises(requests.HTTPError) as caught:
        list(client.get_run_info(**parameters))
    answer = caught.value.response
    assert answer is not None
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


def test_nobody_gets_json_and_a_hint_at_netrc(searched: ServerProcess) -> None:
    base = searched.address.url
    for headers in ({}, {"authorization": "Bearer wrong"}, {"accept": "text/html"}):
        answer = httpx.get(f"{base}/rest/v1/runs/", headers=headers, timeout=PATIENCE)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/json"
        assert "netrc" in answer.json()["detail"]


def test_no_redirect_and_no_run(client: Client, searched: ServerProcess) -> None:
    url = f"{searched.address.url}/rest/v1/runs/"
    with pytest.raises(requests.HTTPError) as caught:
        client.get(f"{url}{uid(4095)}/")
    answer = caught.value.response
    assert answer is not None
    assert answer.status_code == 404
    assert "detail" in answer.json()
    assert client.get(f"{url}{uid(3)}/")["run"] == start(3)["run"]


def test_two_runs_of_one_number_both_stand(searched: ServerProcess) -> None:
    with searched.http() as http:
        for name in ("twin-a", "twin-b"):
            twin = {"uid": name, "time": 5.0, "experiment": 99, "run": 1}
            http.post("/api/v1/documents", json=[["start", twin]]).raise_for_status()
        found = http.get("/rest/v1/runs/", params={"min_experiment": 99}).json()
        assert [run["url"].rsplit("/", 2)[1] for run in found["results"]] == [
            "twin-a",
            "twin-b",
        ]
        late = {"uid": "no-number", "time": 6.0}
        http.post("/api/v1/documents", json=[["start", late]]).raise_for_status()
        runs = http.get("/rest/v1/runs/").json()["results"]
        # Without a scan_id it has an experiment, 0, and no run: behind those that do.
        assert [run["run"] for run in runs if run["experiment"] == 0] == [None]
        none = http.get("/rest/v1/runs/", params={"max_experiment": 0, "min_run": 0})
        assert none.json()["results"] == []


def test_the_swagger_page_and_its_description(searched: ServerProcess) -> None:
    url = f"{searched.address.url}/rest/v1/swagger/"
    described = httpx.get(url, timeout=PATIENCE).json()
    names = {
        one["name"] for one in described["paths"]["/rest/v1/runs/"]["get"]["parameters"]
    }
    assert names >= {"min_experiment", "max_run", "run_type", "expand", "offset"}
    page = httpx.get(url, headers={"accept": "text/html"}, timeout=PATIENCE)
    assert page.headers["content-type"].startswith("text/html")
    assert "min_experiment" in page.text


@pytest.fixture(scope="module")
def in_tokyo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tokyo") / "data"
    folder.mkdir()
    (folder / "quire.toml").write_text('[rundb]\nzone = "Asia/Tokyo"\n')
    process = ServerProcess(folder)
    process.start()
    try:
        with process.http() as http:
            # 1 November 2026, 0:00 in Tokyo, and an hour to either side.
            starts = [
                {"uid": uid(n), "time": 1_793_458_800.0 + 3_600 * (n - 1), "scan_id": n}
                for n in range(3)
            ]
            pairs = [["start", each] for each in starts]
            http.post("/api/v1/documents", json=pairs).raise_for_status()
        yield process
    finally:
        process.stop()


def test_dates_are_days_of_the_configured_zone(in_tokyo: ServerProcess) -> None:
    tokyo = Client(in_tokyo.address.url, in_tokyo.address.token, None)
    first = date(2026, 11, 1)
    assert numbers(tokyo.get_run_info(min_date=first)) == [1, 2]
    assert numbers(tokyo.get_run_info(max_date="2026-10-31")) == [0]
    assert numbers(tokyo.get_run_info(min_date=first, max_date=first)) == [1, 2]
    for run in tokyo.get_run_info(expand=True):
        day = run["date_start"]
        assert run["url"] in {
            each["url"] for each in tokyo.get_run_info(min_date=day, max_date=day)
        }
        assert run["time_start"].startswith("2026-10-31T1")
        assert run["time_start"].endswith("+00:00")


def test_the_api_page_says_the_zone(
    in_tokyo: ServerProcess, searched: ServerProcess
) -> None:
    for process, zone in ((in_tokyo, "Asia/Tokyo"), (searched, "UTC")):
        url = f"{process.address.url}/rest/v1/swagger/"
        described = httpx.get(url, timeout=PATIENCE).json()
        said = {
            one["name"]: one["description"]
            for one in described["paths"]["/rest/v1/runs/"]["get"]["parameters"]
        }
        assert said["min_date"].endswith(f"in the zone {zone}")
        page = httpx.get(url, headers={"accept": "text/html"}, timeout=PATIENCE).text
        assert f"days in the zone {zone}" in page


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-29"])
def test_the_ends_of_the_calendar_can_be_asked_for(
    in_tokyo: ServerProcess, day: str
) -> None:
    tokyo = Client(in_tokyo.address.url, in_tokyo.address.token, None)
    assert len(list(tokyo.get_run_info(min_date=day))) == 3 * day.startswith("0")
    assert len(list(tokyo.get_run_info(max_date=day))) == 3 * day.startswith("9")


@pytest.mark.parametrize(
    "name", ["a/b", "a?b=c", "a#b", "a%b", "a%2Fb", "a b", "ü", "a;b", "a+b", "a\nb"]
)
def test_a_run_is_followed_whatever_its_uid(name: str, client: Client) -> None:
    odd = {"uid": f"odd-{name}", "time": 5.0, "experiment": 98, "run": 1}
    client.post("/api/v1/documents", [["start", odd]])
    found = [
        client.get_details(summary)["uid"]
        for summary in client.get_run_info(min_experiment=98, max_experiment=98)
    ]
    assert found.count(odd["uid"]) == 1


def test_what_the_api_sets_is_what_readers_get(client: Client) -> None:
    document = {"uid": "to-be-set", "time": 5.0, "scan_id": 7}
    client.post("/api/v1/documents", [["start", document]])
    for name, value in {
        "experiment": 97,
        "run": 2**63 - 2,
        "run_type": "cosmic",
        "detectors.status_svd": "RUNNING",
        "her.fill_pattern": FILL,
        "her.number_of_bunches": 1280,
        "statistics.lumi_recorded": 12.5,
    }.items():
        said = {"name": name, "value": value}
        client.post("/api/v1/runs/to-be-set/fields", said)
    (run,) = client.get_run_info(min_experiment=97, max_experiment=97, expand=True)
    assert (run["run"], run["run_type"]) == (2**63 - 2, "cosmic")
    assert run["detectors"]["status_svd"] == "RUNNING"
    assert run["her"] == {"fill_pattern": FILL, "number_of_bunches": 1280}
    assert run["statistics"]["lumi_recorded"] == 12.5
    facility = client.get(run["url"].replace("/rest/", "/api/"))["facility"]
    assert (facility["experiment"], facility["run"]) == (97, 2**63 - 2)
    assert facility["statistics.lumi_recorded"] == 12.5
    beyond = {"name": "run", "value": 2**63 - 1}
    with pytest.raises(requests.HTTPError) as caught:
        client.post("/api/v1/runs/to-be-set/fields", beyond)
    answer = caught.value.response
    assert answer is not None
    assert str(2**63 - 2) in answer.json()["detail"]
    client.post("/api/v1/runs/to-be-set/fields", {"name": "experiment", "value": None})


def test_what_is_said_last_of_a_detector_counts(client: Client) -> None:
    document = {"uid": "judged", "time": 5.0, "experiment": 96, "run": 1}
    client.post("/api/v1/documents", [["start", document]])

    def says() -> Any:
        (run,) = client.get_run_info(min_experiment=96, max_experiment=96, expand=True)
        return run["quality_expert"]["cdc"]

    field = {"name": "quality_expert.cdc", "value": "RECOVERABLE"}
    flag = {"detector": "cdc", "value": "BAD"}
    client.post("/api/v1/runs/judged/fields", field)
    assert says() == "RECOVERABLE"
    client.post("/api/v1/runs/judged/flags", flag)
    assert says() == "BAD"
    client.post("/api/v1/runs/judged/fields", field)
    assert says() == "RECOVERABLE"
    part = {"unit": "event", "first": 1, "last": 2}
    client.post("/api/v1/runs/judged/flags", {**flag, "span": part})
    assert says() == "RECOVERABLE"
    client.post("/api/v1/runs/judged/fields", {**field, "value": None})
    assert says() == "BAD"
