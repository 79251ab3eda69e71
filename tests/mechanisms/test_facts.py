"""What assets record is typed by their kind: facts that do not fit are refused, facts of older records are read."""

from pathlib import Path
from typing import is_typeddict

import pytest
from tests.measured_facts import facts

from sprintline.mechanisms.ledger.bodies import keys_of, mistakes
from sprintline.mechanisms.rules import kinds as registry
from sprintline.mechanisms.rules.kinds import AssetKind, kind_of, kinds
from sprintline.mechanisms.rules.reference import facts_page, meanings, record_inside
from sprintline.mechanisms.rules.scope import Scope
from sprintline.monitoring.measure import measured_before
from sprintline.product.runtime import Runtime

SPRINT = "2013-S01"
METRICS = {"roc_auc": 0.7, "average_precision": 0.4, "brier": 0.1}


def without(key: str, found: dict) -> dict:
    return {name: value for name, value in found.items() if name != key}


@pytest.mark.parametrize(
    ("asset", "wrong", "told"),
    [
        ("scores", without("champion", facts("scores")), "key `champion` is missing, expected str | None"),
        ("scores", facts("scores", champoin="m1"), "key `champoin` is unknown, expected only labelled, "),
        ("scores", facts("scores", labelled="9"), "key `labelled` is '9', expected int"),
        (
            "scores",
            facts("scores", metrics={**METRICS, "naive": METRICS, "twin": {**METRICS, "brier": "low"}}),
            "key `metrics.twin.brier` is 'low', expected float | None",
        ),
        (
            "candidate",
            facts("candidate", against_champion={"metric": "roc_auc"}),
            "key `against_champion.difference` is missing, expected float | None",
        ),
        (
            "candidate",
            facts("candidate", backtest={"parts": 6, "stability": None, "origins": [{}]}),
            "key `backtest.origins[0].at` is missing, expected str",
        ),
        ("drift", facts("drift", missing={"rain": 0.1}), "key `missing.rain` is 0.1, expected {share: float"),
        ("drift", facts("drift", state="confirmd"), """key `state` is 'confirmd', expected "none" | "sus"""),
        ("weather", facts("source", rows=1.5), "key `rows` is 1.5, expected int"),
    ],
)
def test_facts_that_do_not_fit_are_refused_and_nothing_is_written(flights: Runtime, asset, wrong, told):
    with pytest.raises(ValueError) as refused:
        flights.measure(asset, SPRINT, "v1", wrong)
    assert str(refused.value).startswith(f"facts of flight_delays/{asset}: ")
    assert told in str(refused.value)
    assert flights.measured(asset, SPRINT) is None


def test_refused_facts_leave_what_was_recorded(flights: Runtime):
    flights.measure("predictions", SPRINT, "v1", {"rows": 9, "champion": "m1"})
    with pytest.raises(ValueError, match="`rows` is None"):
        flights.measure("predictions", SPRINT, "v2", {"rows": None, "champion": "m1"})
    with pytest.raises(ValueError, match="positive_rate"):
        flights.measure("scores", SPRINT, "v2", facts("scores", positive_rate=float("nan")))
    kept = flights.measurement("predictions", SPRINT)
    assert (kept.data_version, kept.facts) == ("v1", {"rows": 9, "champion": "m1"})


def test_facts_are_checked_as_they_will_be_read_back(flights: Runtime):
    flights.measure("weather", SPRINT, "v1", facts("source", row_bounds=(1, None)))
    assert flights.measurement("weather", SPRINT).facts["row_bounds"] == [1, None]


def test_an_asset_without_a_kind_records_what_it_likes(flights: Runtime):
    flights.measure("of_an_extension", SPRINT, "v1", {"anything": 1})
    # No kind of asset is judged for grants here, whatever the asset's name.
    flights.measure("scores", Scope("grant", "g-1"), "v1", {"anything": 1})
    assert flights.measurement("of_an_extension", SPRINT).facts == {"anything": 1}


def test_a_record_of_an_older_version_is_read(flights: Runtime):
    older = {"state": "confirmed", "reference": "m1", "why": "9 of 20 features"}
    flights.records.measure(flights.product, SPRINT, "drift", "v1", older)
    assert flights.measurement("drift", SPRINT).facts == older
    assert measured_before(flights, "2013-S02") == [(SPRINT, older)]


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_has_facts_of_its_room_with_a_line_on_each_key(kind):
    shape, described = kinds()[kind].facts, []

    def describe(record):
        described.append(record)
        assert set(meanings(record)) == set(keys_of(record)), record
        for hint, _ in keys_of(record).values():
            if (inner := record_inside(hint)[0]) is not None:
                describe(inner)

    assert is_typeddict(shape) and keys_of(shape)
    describe(shape)
    assert all(Path(*record.__module__.split(".")).name == "facts" for record in described)
    assert mistakes(facts(kind), shape) == []


def test_the_kind_of_an_asset_is_that_of_its_scope(flights: Runtime):
    assert kind_of(flights, "scores").facts is kinds()["scores"].facts
    assert kind_of(flights, "scores", "grant") is None


def test_facts_that_json_does_not_have_are_refused_at_once(monkeypatch):
    odd = AssetKind("odd", "nothing", lambda runtime: (), set)
    monkeypatch.setattr(registry, "collected", lambda *_: (odd,))
    with pytest.raises(TypeError, match="facts of odd assets"):
        kinds.__wrapped__()


def test_the_reference_page_has_every_fact_with_its_place():
    page = facts_page(Path())
    for kind in kinds():
        assert f"\n## {kind}\n" in page
    for place in ("`parity.twin.edge_rows`", "`backtest.origins[].at`", "`by_model.*.roc_auc`"):
        assert place in page
    assert "| `file` (optional) | `str` | name of the landed file; absent for a published table |" in page
