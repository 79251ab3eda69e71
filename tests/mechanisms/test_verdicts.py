"""A judgement says what it found and against which line; what is missing never passes."""

from __future__ import annotations

import pytest

from sprintline.mechanisms.rules.verdicts import (
    Judgement,
    MissingEvidence,
    Outcome,
    Rule,
    Severity,
    Verdict,
    failed,
    insufficient,
    need,
    passed,
)


def _low(evidence, line):
    seen = need(evidence, "seen_rows")
    return (passed if seen <= line else failed)(f"{seen} seen", seen, line)


RULE = Rule(
    code="DQ999", name="stays_low", judges="source", practice="1.5", remedy="look", judge=_low, threshold=5
)


@pytest.mark.parametrize(
    ("make", "outcome"),
    [(passed, Outcome.PASS), (failed, Outcome.FAIL), (insufficient, Outcome.INSUFFICIENT)],
)
def test_a_judgement_keeps_what_it_was_told(make, outcome):
    assert make("words", 3, 4) == Judgement(outcome, "words", 3, 4)
    assert make("words") == Judgement(outcome, "words", None, None)


def test_a_rule_judges_by_its_own_line_unless_another_is_given():
    assert RULE({"seen_rows": 5}) == Judgement(Outcome.PASS, "5 seen", 5, 5)
    assert RULE({"seen_rows": 6}) == Judgement(Outcome.FAIL, "6 seen", 6, 5)
    assert RULE({"seen_rows": 6}, 7) == Judgement(Outcome.PASS, "6 seen", 6, 7)
    # A line of zero is a line, and no request for the default.
    assert RULE({"seen_rows": 1}, 0) == Judgement(Outcome.FAIL, "1 seen", 1, 0)


def test_no_evidence_and_missing_evidence_are_insufficient_with_the_line():
    assert RULE(None) == Judgement(Outcome.INSUFFICIENT, "nothing was recorded to judge", None, 5)
    assert RULE(None, 7).threshold == 7
    assert RULE({}) == Judgement(Outcome.INSUFFICIENT, "no evidence: seen rows was not recorded", None, 5)
    assert RULE({"seen_rows": None}, 7) == Judgement(
        Outcome.INSUFFICIENT, "no evidence: seen rows was not recorded", None, 7
    )


def test_what_is_needed_is_given_or_missed():
    assert need({"rows": 0}, "rows") == 0
    with pytest.raises(MissingEvidence, match="no evidence: rows was not recorded"):
        need({}, "rows")


def test_a_rule_stops_and_belongs_to_done_unless_it_says_otherwise():
    assert (RULE.severity, RULE.done, RULE.why, RULE.claim) == (Severity.ERROR, True, "", "stays low")


@pytest.mark.parametrize(
    ("outcome", "passes"),
    [(Outcome.PASS, True), (Outcome.FAIL, False), (Outcome.INSUFFICIENT, False)],
)
def test_only_a_pass_passes(outcome, passes):
    verdict = Verdict("p", "2013-S01", "DQ999", "orders", outcome, Severity.WARN, "words", "v1")
    assert verdict.passes is passes
    assert (verdict.subject, verdict.observed, verdict.threshold) == ("", None, None)
