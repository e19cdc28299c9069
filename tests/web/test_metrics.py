from prometheus_client.parser import text_string_to_metric_families

from quire.web.metrics import BOUNDS, Metrics


def samples(metrics: Metrics, name: str) -> dict[frozenset[tuple[str, str]], float]:
    text = metrics.text(ready=False).decode()
    return {
        frozenset(one.labels.items()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == name
    }


def test_buckets_hold_all_that_is_no_longer() -> None:
    metrics = Metrics()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1], BOUNDS[-1] * 2):
        metrics.answered("GET", "/x", 200, seconds)
    found = samples(metrics, "quire_http_request_seconds_bucket")
    by_bound = {dict(labels)["le"]: count for labels, count in found.items()}
    assert by_bound[str(BOUNDS[0])] == 2
    assert by_bound[str(BOUNDS[1])] == 3
    assert by_bound[str(BOUNDS[-1])] == 4
    assert by_bound["+Inf"] == 5
    (whole,) = samples(metrics, "quire_http_request_seconds_sum").values()
    assert whole == 2 * BOUNDS[0] + BOUNDS[0] * 0.01 + 3 * BOUNDS[-1]


def test_each_status_is_counted_by_itself() -> None:
    metrics = Metrics()
    for status in (200, 200, 404, 0):
        metrics.answered("GET", '/"x"\n', status, 0.1)
    found = samples(metrics, "quire_http_requests_total")
    by_status = {dict(labels)["status"]: count for labels, count in found.items()}
    assert by_status == {"200": 2, "404": 1, "0": 1}
    assert {dict(labels)["route"] for labels in found} == {'/"x"\n'}


def test_what_became_of_documents_adds_up() -> None:
    metrics = Metrics()
    metrics.took(accepted=3, repeated=0, refused=1)
    metrics.took(accepted=1, repeated=2, refused=0)
    found = samples(metrics, "quire_documents_total")
    assert {dict(one)["outcome"]: count for one, count in found.items()} == {
        "accepted": 4,
        "repeated": 2,
        "refused": 1,
    }


def test_readiness_is_told() -> None:
    assert samples(Metrics(), "quire_ready") == {frozenset(): 0.0}
