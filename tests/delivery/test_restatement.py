"""What changed between two closings of one sprint, and whether somebody accounted for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sprintline.delivery.restatement import changes, restatement_text, restatements, state_of, trained_on
from sprintline.mechanisms.ledger.chain import EMPTY, Head, next_event
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict


@dataclass
class Measured:
    data_version: str
    facts: dict


def verdict(code, asset, outcome, subject=""):
    return Verdict("p", "S2", code, asset, outcome, Severity.WARN, "", "v", subject)


METRICS = {"roc_auc": 0.73, "average_precision": 0.5, "brier": 0.14, "rows": 90, "twin": {}}
BEFORE = {
    "files": {"orders": "a", "deliveries": "b"},
    **state_of(
        {
            "orders": Measured("o1", {"rows": 100}),
            "deliveries": Measured("d1", {"rows": 99}),
            "scores": Measured("s1", {"metrics": METRICS}),
            "increment": Measured("i1", {}),
        },
        [
            verdict("DQ101", "orders", Outcome.PASS),
            verdict("DQ202", "orders", Outcome.FAIL, "id"),
            verdict("CAL001", "increment", Outcome.PASS),
        ],
        apart="increment",
    ),
}
AFTER = {
    **BEFORE,
    "files": {"orders": "c", "deliveries": "b"},
    "tables": {**BEFORE["tables"], "orders": ["o2", 98], "scores": ["s2", None]},
    "metrics": {**BEFORE["metrics"], "roc_auc": 0.71},
    "rules": {"DQ101 on orders": "pass", "DQ202 on orders (id)": "pass", "DQ103 on orders": "fail"},
}


def test_a_closing_keeps_what_it_closed_on_without_itself():
    assert BEFORE["tables"] == {"deliveries": ["d1", 99], "orders": ["o1", 100], "scores": ["s1", None]}
    assert BEFORE["metrics"] == {"roc_auc": 0.73, "average_precision": 0.5, "brier": 0.14}
    assert BEFORE["rules"] == {"DQ101 on orders": "pass", "DQ202 on orders (id)": "fail"}
    assert state_of({"scores": Measured("s", {"champion": None})}, [], "increment")["metrics"] is None


def test_only_what_changed_is_told_before_and_after():
    assert changes(BEFORE, AFTER) == {
        "files": {"orders": ["a", "c"]},
        "tables": {
            "orders": {"rows": [100, 98], "data_version": ["o1", "o2"]},
            "scores": {"rows": [None, None], "data_version": ["s1", "s2"]},
        },
        "metrics": {"roc_auc": [0.73, 0.71]},
        "rules": {"DQ103 on orders": [None, "fail"], "DQ202 on orders (id)": ["fail", "pass"]},
    }
    assert changes(BEFORE, BEFORE) == {"files": {}, "tables": {}, "metrics": {}, "rules": {}}


def test_what_was_not_there_before_is_none():
    found = changes({}, BEFORE)
    assert found["tables"]["orders"] == {"rows": [None, 100], "data_version": [None, "o1"]}
    assert found["files"]["orders"] == [None, "a"]


def test_the_sentence_has_the_numbers():
    body = {**changes(BEFORE, AFTER), "champion": "m1", "rest_on_it": ["S3"], "trained_on_it": ["m1"]}
    assert restatement_text("S2", body) == (
        "S2 was restated: new file of orders; 2 data versions changed (orders 100 → 98 rows); roc auc 0.7300 → 0.7100; "
        "DQ103 on orders unjudged → fail, DQ202 on orders (id) fail → pass; the decision is kept, champion m1; "
        "S3 still rests on the data as it was before; so do the models m1"
    )
    quiet = restatement_text("S3", {"files": {}, "tables": {"scores": {"rows": [None, None]}}})
    assert "computed again; 1 data version changed, no row count did; no rule changed its outcome" in quiet


def test_a_correction_is_open_until_a_person_attests_to_it():
    events, head = [], EMPTY

    def append(kind, sprint="S2", **body):
        nonlocal head
        event = next_event(
            head,
            at=datetime(2013, 5, 1, tzinfo=UTC),
            kind=kind,
            product="p",
            sprint=sprint,
            actor="a",
            body=body,
        )
        events.append(event)
        head = Head(event.seq, event.hash)

    append("restated", files={"orders": ["a", "b"]}, tables={})
    append("restated", sprint="S3", files={}, tables={})
    assert [one["open"] for one in restatements(events)["S2"]] == [True]
    assert [one["open"] for one in restatements(events)["S3"]] == [False], "it follows from the other"
    append("attestation", code="DQ101", attester="dana")
    append("attestation", sprint="S1", code="DL702", attester="dana")
    assert restatements(events)["S2"][0]["open"]
    append("attestation", code="DL702", attester="sam")
    append("restated", files={"orders": ["b", "c"]}, tables={})
    found = restatements(events)["S2"]
    assert [(one["open"], one["attested_by"]) for one in found] == [(False, "sam"), (True, None)]


def test_models_are_told_by_the_sprints_they_were_trained_on():
    decisions = {"S3": {"candidate": "m1"}, "S4": {"candidate": None}, "S9": {"candidate": "m2"}}
    sprints = {"S3": ("S1", "S2"), "S4": ("S2", "S3"), "S9": ("S7", "S8")}
    assert trained_on("S2", decisions, sprints) == ["m1"]
    assert trained_on("S8", decisions, sprints) == ["m2"] and trained_on("S5", decisions, sprints) == []
