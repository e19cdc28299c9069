import httpx

ROOT = "/api/v1/queries"


def _save(http: httpx.Client, name: str, query: object, **more: str) -> httpx.Response:
    return http.put(f"{ROOT}/{name}", json={"query": query, **more})


def test_a_query_is_saved_seen_changed_and_taken_away(http: httpx.Client) -> None:
    made = _save(http, "recent", "time > now - 7 d", description="This week's.")
    assert made.status_code == 201
    assert made.json()["version"] == 1
    tree = {"field": "scan_id", "op": "between", "low": 1, "high": 9}
    changed = _save(http, "recent", tree, visibility="shared")
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert http.get(f"{ROOT}/recent").json() == changed.json()
    assert changed.json()["query"] == tree
    versions = http.get(f"{ROOT}/recent/versions").json()["versions"]
    assert versions == [changed.json(), made.json()]
    assert http.delete(f"{ROOT}/recent").status_code == 204
    for answer in (http.get(f"{ROOT}/recent"), http.delete(f"{ROOT}/recent")):
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


def test_the_list_comes_in_pages(http: httpx.Client) -> None:
    for name in ("pa", "pb", "pc"):
        _save(http, name, "run = 1")
    names: list[str] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = http.get(ROOT, params=parameters).json()
        assert len(page["queries"]) <= 2
        names += [one["name"] for one in page["queries"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == sorted(set(names))
    assert {"pa", "pb", "pc"} <= set(names)


def test_what_cannot_be_asked_is_refused_with_its_place(http: httpx.Client) -> None:
    wrong = _save(http, "wrong", "plan_nam = scan")
    assert wrong.status_code == 400
    body = wrong.json()
    assert (body["code"], body["field"]) == ("invalid_query", "/query")
    assert "column 1" in body["detail"]
    assert "'plan_name'" in body["detail"]
    deep = _save(http, "wrong", {"not": {"text": "!"}})
    assert (deep.status_code, deep.json()["field"]) == (400, "/query/not/text")
    for query in (5, None, ["a"]):
        refused = _save(http, "wrong", query)
        assert (refused.status_code, refused.json()["field"]) == (422, "/query")
    assert _save(http, "1wrong", "run = 1").status_code == 422
    assert http.get(f"{ROOT}/wrong").status_code == 404


def test_what_would_be_passed_over_is_refused(http: httpx.Client) -> None:
    """A query that is saved for somebody else would become one's own."""
    here = "/api/v1/queries/whose"
    asked = http.put(here, params={"owner": "amy"}, json={"query": "scan_id = 1"})
    assert (asked.status_code, asked.json()["field"]) == (422, "owner")
    assert http.get(here).status_code == 404
    http.put(here, json={"query": "scan_id = 1"}).raise_for_status()
    for method, path, name in (
        ("DELETE", here, "onwer"),
        ("GET", here, "version"),
        ("GET", f"{here}/versions", "limit"),
        ("GET", "/api/v1/queries", "owner"),
    ):
        answer = http.request(method, path, params={name: "1"})
        assert (answer.status_code, answer.json()["field"]) == (422, name)
    assert http.get(here).json()["version"] == 1
    http.delete(here).raise_for_status()


def test_nobody_unknown_saves_or_reads(http: httpx.Client) -> None:
    for method, path in (("GET", ROOT), ("PUT", f"{ROOT}/x"), ("DELETE", f"{ROOT}/x")):
        answer = httpx.request(method, f"{http.base_url}{path}", json={"query": "a=1"})
        assert answer.status_code == 401
