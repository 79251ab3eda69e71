"""What a check says of itself in the Dagster UI: claim, fix, words, and why it is skipped or not required."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sprintline.mechanisms.rules.checks import described, not_required, result
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome, Verdict

RULES = all_rules()


def verdict(code: str, outcome: Outcome) -> Verdict:
    return Verdict(
        "p", "2013-S01", code, "drift", outcome, RULES[code].severity, "no figure was recorded", "v"
    )


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_check_says_its_claim_and_its_fix(code):
    text = described(RULES[code], "asset")
    assert text.startswith(f"{code}: asset {RULES[code].claim}. If not: {RULES[code].remedy}.")


def test_checks_of_a_candidate_say_when_they_are_skipped():
    judging = [rule for rule in RULES.values() if rule.judges == "candidate"]
    assert judging and all(
        "Skipped in a sprint that trains no candidate" in described(one, "c") for one in judging
    )
    assert "Skipped" not in described(RULES["DQ101"], "orders")


def test_a_check_on_attested_corrections_says_what_attested_is():
    assert "Attested is what a named person claimed with evidence" in described(RULES["DL702"], "increment")
    assert "Attested" not in described(RULES["DQ101"], "orders")


def test_insufficient_evidence_is_explained_where_it_is_shown():
    shown = result(RULES["MO501"], verdict("MO501", Outcome.INSUFFICIENT)).metadata
    assert shown["insufficient"].value.startswith("Insufficient evidence is too little to judge")
    assert "insufficient" not in result(RULES["MO501"], verdict("MO501", Outcome.PASS)).metadata


def test_a_rule_that_no_gate_asks_for_says_why(monkeypatch):
    informing = next(rule for rule in RULES.values() if not rule.gates)
    assert not_required(None, informing, "2013-S01") == "By no gate: it only informs"
    assert not_required(None, RULES["DQ101"], "2013-S01") == ""
    young = SimpleNamespace(
        product="p", calendar=SimpleNamespace(keys=("2013-S01",)), history=lambda _asset: {}
    )
    monkeypatch.setattr("sprintline.profiles.rules.landed_before", lambda _context, _sprint: [])
    told = not_required(young, RULES["DQ106"], "2013-S01")
    assert told.startswith(
        "Not in this sprint. Whether enough sprints landed before one to say what is usual"
    )
    shown = result(RULES["DQ106"], verdict("DQ106", Outcome.PASS), told).metadata
    assert shown["required"].value == told


def test_a_sprint_without_a_candidate_is_told_with_why_its_rules_are_not_required(monkeypatch):
    rule = next(rule for rule in RULES.values() if rule.judges == "candidate" and rule.gates)
    kind = kinds()["candidate"]
    monkeypatch.setattr(
        "sprintline.release.evidence.decision_of", lambda _runtime, _sprint: {"candidate": None}
    )
    assert not_required(None, rule, "2013-S01") == f"Not in this sprint. {kind.skipped}"
