"""Every rule has a fault, each fault can be detected, and its result is read fail-closed."""

from __future__ import annotations

import pytest

from sprintline.faults.catalogue import all_faults, faults_of
from sprintline.faults.run import judged
from sprintline.mechanisms.rules.faults import DONE, Fault
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.warehouse.faults import MODELS

ASSETS = {
    "source": {"orders", "deliveries"},
    "model": set(MODELS),
    "feature_view": {"courier_delays"},
}


@pytest.mark.parametrize("code", sorted(all_rules()))
def test_every_rule_has_a_fault(code):
    assert faults_of(code), f"{code} has no fault: plant one in the `faults.py` of its subject"


def test_every_fault_is_of_a_rule_or_of_the_gate():
    assert {fault.code for fault in all_faults()} <= {*all_rules(), DONE}


def test_names_are_unique():
    assert len({fault.key for fault in all_faults()}) == len(all_faults())


@pytest.mark.parametrize("fault", all_faults(), ids=lambda one: one.key)
def test_a_fault_is_judged_on_an_asset_its_rule_judges(fault):
    kind = all_rules()[fault.code].judges if fault.code in all_rules() else "increment"
    assert fault.asset in ASSETS.get(kind, {kind})


FAULT = Fault("DQ101", "one", "somewhere", "orders", lambda sandbox: None)
FAILS = {
    "check": {"passed": False, "says": "it fails"},
    "verdict": {"outcome": "fail", "sentence": "it fails"},
}
PASSES = {
    "check": {"passed": True, "says": "it holds"},
    "verdict": {"outcome": "pass", "sentence": "it holds"},
}


def line(planted: dict, clean: dict = PASSES) -> dict:
    return {"key": FAULT.key, "planted": planted, "clean": clean, "seconds": 1.0}


def test_a_fault_is_caught_when_check_and_verdict_fail():
    found = judged(FAULT, line(FAILS))
    assert (found.caught, found.clean_passes, found.says, found.clean_says) == (
        True, True, "it fails", "it holds",
    )  # fmt: skip


@pytest.mark.fault
@pytest.mark.parametrize(
    ("planted", "says"),
    [
        (PASSES, "it holds"),
        ({"check": None, "verdict": FAILS["verdict"]}, "its check did not run"),
        ({"check": FAILS["check"], "verdict": None}, "it fails (no verdict was recorded)"),
        ({"check": FAILS["check"], "verdict": PASSES["verdict"]}, "it fails"),
        ({"check": PASSES["check"], "verdict": FAILS["verdict"]}, "it holds"),
        ({"check": FAILS["check"], "verdict": {"outcome": "insufficient", "sentence": "?"}}, "it fails"),
        ({"error": "LakeError: no such table"}, "LakeError: no such table"),
    ],
)
def test_anything_less_is_missed(planted, says):
    found = judged(FAULT, line(planted))
    assert not found.caught and found.says == says


@pytest.mark.fault
@pytest.mark.parametrize("clean", [FAILS, {"check": None, "verdict": None}, {"error": "no"}])
def test_a_clean_counterpart_that_does_not_pass_is_told(clean):
    assert not judged(FAULT, line(FAILS, clean)).clean_passes


def test_a_fault_that_leaves_too_little_evidence_may_expect_just_that():
    thin = Fault("DQ101", "one", "somewhere", "orders", lambda sandbox: None, expects=Outcome.INSUFFICIENT)
    found = {"check": FAILS["check"], "verdict": {"outcome": "insufficient", "sentence": "?"}}
    assert judged(thin, line(found)).caught
    assert not judged(thin, line(FAILS)).caught
