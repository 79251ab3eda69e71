"""Every rule outside the family of models: sound evidence passes, its fault fails, missing evidence is insufficient."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.mechanisms.rule_cases import (
    CASES,
)

from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules, rules_for
from sprintline.mechanisms.rules.verdicts import Judgement, Outcome


def _judge(code: str, **changes: Any) -> Judgement:
    evidence = CASES[code].sound | changes
    return all_rules()[code]({name: value for name, value in evidence.items() if value is not ...})


@pytest.mark.parametrize("code", CASES)
def test_sound_evidence_passes_with_a_sentence(code):
    found = _judge(code)
    assert found.outcome is Outcome.PASS, found.sentence
    assert any(letter.isdigit() for letter in found.sentence)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("code", "changes", "words"), [(code, *fault) for code, case in CASES.items() for fault in case.faults]
)
def test_a_fault_fails_and_is_named(code, changes, words):
    found = _judge(code, **changes)
    assert found.outcome is Outcome.FAIL and words in found.sentence, found.sentence


@pytest.mark.parametrize("code", CASES)
def test_no_evidence_never_passes(code):
    assert all_rules()[code]({}).outcome is Outcome.INSUFFICIENT
    assert all_rules()[code](None).outcome is Outcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("code", "piece"),
    [(code, piece) for code, case in CASES.items() for piece in case.sound if piece not in case.optional],
)
@pytest.mark.parametrize("absent", [..., None])
def test_a_missing_piece_is_insufficient(code, piece, absent):
    found = _judge(code, **{piece: absent})
    assert found.outcome is Outcome.INSUFFICIENT, found.sentence
    assert found.sentence


@pytest.mark.parametrize(
    ("code", "changes"), [(code, thin) for code, case in CASES.items() for thin in case.thin]
)
def test_evidence_too_thin_is_insufficient(code, changes):
    assert _judge(code, **changes).outcome is Outcome.INSUFFICIENT


def as_told(code: str, changes: dict[str, Any]) -> list[Any]:
    """A whole judgement as people are shown it: outcome, figure, line, sentence."""
    found = _judge(code, **changes)
    return [str(found.outcome), found.observed, found.threshold, found.sentence]


TOLD = json.loads(Path(__file__).with_name("judgements.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", TOLD)
def test_figure_line_and_sentence_are_told_word_for_word(code):
    case = CASES[code]
    changes = [{}, *(change for change, _ in case.faults), *case.thin]
    assert [as_told(code, one) for one in changes] == TOLD[code]


@pytest.mark.parametrize("code", ["MO505", "MO506", "MO507"])
def test_where_no_model_answered_none_is_judged(code):
    """That none answered is ML401's to say."""
    found = all_rules()[code]({"served": False, "champion": None, "weak": None, "weak_before": []})
    assert (
        found.outcome is Outcome.PASS and "no model answered the questions of this sprint" in found.sentence
    )


def test_a_champion_weak_for_the_first_time_is_said_and_passes():
    found = _judge("MO507", weak=["flat"], weak_before=[])
    assert found.outcome is Outcome.PASS and "was weak in 1 sprint, 2 in a row count: flat" in found.sentence


def test_suspected_drift_is_no_failure_yet():
    found = _judge("MO501", state="suspected")
    assert found.outcome is Outcome.PASS and "suspected" in found.sentence


@pytest.mark.parametrize(("code", "line"), [("CAL001", 7), ("FT303", 0.95)])
def test_a_product_may_move_a_line(code, line):
    assert all_rules()[code](CASES[code].sound, line).outcome is Outcome.FAIL


# --- the rule set ----------------------------------------------------------------------------------------------------


def test_every_rule_is_covered_and_codes_are_unique():
    # tests/release/test_rules.py runs over these.
    elsewhere = {code for code in all_rules() if "ML401" <= code <= "ML408"}
    assert {*CASES, *elsewhere} == set(all_rules())
    assert not set(CASES) & elsewhere


@pytest.mark.parametrize("rule", all_rules().values(), ids=lambda rule: rule.code)
def test_a_rule_says_what_it_claims_what_it_serves_and_how_to_mend(rule):
    assert re.fullmatch(r"(CAL|DL|DQ|DOC|FT|ML|MO)\d{3}", rule.code)
    assert re.fullmatch(r"[a-z][a-z_]+[a-z]", rule.name)
    assert re.fullmatch(r"\d+\.\d+", rule.practice)
    assert len(rule.remedy.split()) >= 5 and not rule.remedy.endswith(".")
    assert len(rule.why.split()) >= 10 and rule.why.endswith(".")
    assert rule.judges in kinds()
    assert rule in rules_for(rule.judges)


def test_names_are_unique_within_the_kind_they_judge():
    for kind in {rule.judges for rule in all_rules().values()}:
        names = [rule.name for rule in rules_for(kind)]
        assert len(names) == len(set(names))
