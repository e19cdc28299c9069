"""`quire runs` and `quire index` against a real server."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.cli.test_commands import call
from tests.faces.search.conftest import RUNS, searched, uid

from quire.cli.runs import counted
from quire.testing.campaigns.server import ServerProcess

__all__ = ["searched"]


@pytest.fixture(autouse=True)
def found(searched: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_URL", searched.address.url)
    monkeypatch.setenv("QUIRE_TOKEN", searched.address.token)


def test_a_query_finds_runs() -> None:
    result = call("runs", "search", "plan_name = scan and scan_id < 5", "--counts")
    assert result.exit_code == 0
    assert result.stdout.count("scan ") >= 3
    assert "3 match, 0 lack a value" in result.stdout
    told = json.loads(call("runs", "search", "e26:1-3", "--json").stdout)
    assert [run["uid"] for run in told["runs"]] == [uid(2), uid(1), uid(0)]


def test_what_was_not_counted_to_its_end_is_at_least_so_many() -> None:
    """Counting may stop for lack of time at any number, 0 too."""
    told = {"matched": 0, "lacking": 3, "exact": False}
    assert counted(told) == "at least 0 match, at least 3 lack a value"


def test_a_time_that_is_listed_finds_its_run_in_any_time_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        listed = call("runs", "search", f"uid = '{uid(3)}'").stdout
        (moment,) = re.findall(r"\d{4}-\S+Z", listed)
        found = call("runs", "search", f"time = {moment}")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert uid(3)[:8] in found.stdout, found.stderr


def test_a_bad_query_is_told_with_its_column() -> None:
    result = call("runs", "search", "plan_nam = scan")
    assert result.exit_code != 0
    assert "column 1" in result.stderr
    assert "plan_name" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_query_costs_is_shown() -> None:
    plan = call("runs", "explain", "scan_id = 3").stdout
    assert re.search("run_(view_)?scan_id", plan)


def test_all_that_is_found_is_exported(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    result = call("runs", "export-all", "run_type = physics", "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert len(file.read_text().splitlines()) == 18 + 1
    lines = call("runs", "export-all", "--format", "jsonl").stdout.splitlines()
    assert len(lines) == RUNS


def test_documents_are_exported_in_the_format_that_is_asked_for() -> None:
    documents = json.loads(call("runs", "export", "3", "--format", "json").stdout)
    assert documents[0][0] == "start"
    refused = call("runs", "export", "3", "--format", "csv")
    assert refused.exit_code == 2
    assert "ndjson" in refused.stderr


def test_a_job_is_forgotten() -> None:
    job = call("jobs", "submit", "wait", "-p", "SECONDS=600").stdout.strip()
    assert call("jobs", "delete", job).exit_code == 0
    gone = call("jobs", "show", job)
    assert gone.exit_code == 1
    assert job in gone.stderr


def answering_as_a_proxy(port: socket.socket) -> None:
    """Answer a request with a page for people."""
    caller, _ = port.accept()
    with caller:
        caller.recv(65_536)
        page = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>"
        head = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n"
        caller.sendall(head + b"content-length: %d\r\n\r\n" % len(page) + page)


def test_a_page_of_a_proxy_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        monkeypatch.setenv("QUIRE_URL", f"http://127.0.0.1:{port.getsockname()[1]}")
        answering = threading.Thread(target=answering_as_a_proxy, args=[port])
        answering.start()
        result = call("runs", "search")
        answering.join()
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("quire: 502 Bad Gateway, from what is no Quire")


def breaking_off(port: socket.socket) -> None:
    """Answer a request with the beginning of a body, and hang up."""
    caller, _ = port.accept()
    with caller:
        caller.recv(65_536)
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        caller.sendall(head + b"3\r\nuid\r\n")


@pytest.mark.parametrize("before", [None, b"of yesterday"])
def test_an_export_that_breaks_off_leaves_no_half_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    file = tmp_path / "runs.csv"
    if before is not None:
        file.write_bytes(before)
    with socket.create_server(("127.0.0.1", 0)) as port:
        monkeypatch.setenv("QUIRE_URL", f"http://127.0.0.1:{port.getsockname()[1]}")
        answering = threading.Thread(target=breaking_off, args=[port])
        answering.start()
        result = call("runs", "export-all", "-o", str(file))
        answering.join()
    assert result.exit_code != 0
    assert "Traceback" not in result.stderr
    left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert left == ({} if before is None else {"runs.csv": before})


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "runs.csv"):
        for asked in (["export-all"], ["export", uid(4)]):
            result = call("runs", *asked, "-o", str(place))
            assert result.exit_code == 2
            assert f"output: {place}" in result.stderr
            assert "Traceback" not in result.stderr


@pytest.mark.parametrize("typed", ["3", "e26:1-3", "2023-11-14", "ni or cu1"])
def test_what_is_found_is_what_is_exported_and_explained(typed: str) -> None:
    told = json.loads(call("runs", "search", typed, "--json", "--limit", "100").stdout)
    lines = call("runs", "export-all", typed, "--fields", "scan_id, uid").stdout
    uids = [line.split(",")[1] for line in lines.splitlines()]
    assert uids == ["uid", *(run["uid"] for run in told["runs"])]
    assert len(uids) > 1
    assert call("runs", "explain", typed).exit_code == 0


def test_a_flag_is_set_and_taken_away() -> None:
    query = "flag.ECL = bad"
    result = call("runs", "flag", uid(4), "ECL", "bad", "--events", "2-3")
    assert "change 1" in result.stdout
    assert uid(4)[:8] in call("runs", "search", query).stdout
    call("runs", "flag", uid(4), "ECL", "bad", "--events", "x")
    assert call("runs", "flag", uid(4), "ECL", "bad", "--events", "x").exit_code == 2


def test_an_index_is_added_listed_and_dropped() -> None:
    assert "sample.T" in call("index", "add", "sample.T").stdout
    assert "start.sample.T" in call("index", "list").stdout
    assert call("index", "remove", "sample.T").exit_code == 0
    assert "start.sample.T" not in call("index", "list").stdout
    assert call("index", "add", "plan_nam").exit_code != 0


@pytest.mark.parametrize("name", ["start.`it's #1`.x?", "é", 'q"u', "p%20"])
def test_an_index_of_an_odd_name_is_of_that_name(name: str) -> None:
    made = json.loads(call("index", "add", name, "--json").stdout)
    assert made["field"] == name
    listed = json.loads(call("index", "list", "--json").stdout)["indexes"]
    assert made["path"] in [one["path"] for one in listed]
    assert call("index", "remove", name).exit_code == 0


def test_what_changes_with_every_event_takes_no_index() -> None:
    result = call("index", "add", "events")
    assert (result.exit_code, "with every event" in result.stderr) == (2, True)


def test_an_index_of_no_name_is_refused() -> None:
    for verb in ("add", "remove"):
        result = call("index", verb, " ")
        assert (result.exit_code, "is empty" in result.stderr) == (2, True)
