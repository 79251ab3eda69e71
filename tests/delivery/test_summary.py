"""What the Dagster UI shows of an increment and of the backlog first: short, true, and with links into the UI."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sprintline.delivery import summary as subject
from sprintline.delivery.summary import REASONS, SHOWN_AT_ONCE, first_failing, linked, summary
from sprintline.mechanisms.rules.gates import Need, Waiver, decide
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict

CLONE = Path(__file__).parents[2]
SPRINT, NOW = "2013-S07", datetime(2013, 5, 1, tzinfo=UTC)
PASS, FAIL, LITTLE = Outcome.PASS, Outcome.FAIL, Outcome.INSUFFICIENT


def verdict(code: str, asset: str, outcome: Outcome, sentence: str = "400 of 900 rows landed") -> Verdict:
    return Verdict("flights", SPRINT, code, asset, outcome, Severity.WARN, sentence, "v1")


def gate(verdicts, waivers=(), more=()):
    needs = [*(Need(one.code, one.asset) for one in verdicts), *more]
    return decide("done", needs, verdicts, {one.asset: "v1" for one in verdicts}, waivers, NOW)


def told(verdicts, **asked) -> str:
    return summary("flights", SPRINT, gate(verdicts, **asked), verdicts)


def test_a_sprint_that_is_done_says_so_in_a_line():
    text = told([verdict("DQ101", "weather", PASS), verdict("DQ102", "weather", PASS)])
    assert text == f"**{SPRINT} is Done.** 2 verdicts, every rule that Done requires passes."


def test_a_waived_rule_is_named_and_is_no_reason():
    verdicts = [verdict("DQ102", "weather", FAIL), verdict("DQ101", "weather", PASS)]
    waiver = Waiver("DQ102", "sam", "the sensor is replaced", NOW.date())
    assert "is Done" in told(verdicts, waivers=[waiver]) and "1 rule waived" in told(
        verdicts, waivers=[waiver]
    )
    verdicts.append(verdict("DQ103", "weather", FAIL))
    text = told(verdicts, waivers=[waiver])
    assert "1 rule fails" in text and "DQ103" in text and "DQ102" not in text


def test_failures_come_first_and_only_three_reasons_are_shown():
    little = [verdict("DQ102", f"a{n}", LITTLE) for n in range(3)]
    text = told([*little, verdict("DQ101", "zebra", FAIL), verdict("DQ103", "zebra", FAIL)])
    head, *reasons = [line for line in text.splitlines() if re.match(r"\*\*|\d\.", line)]
    assert head == f"**{SPRINT} is not Done:** 2 rules fail, 3 rules with insufficient evidence (5 verdicts)."
    assert [re.search(r"\[(.+?)\]", one)[1] for one in reasons] == [
        "DQ101 on zebra", "DQ103 on zebra", "DQ102 on a0",
    ]  # fmt: skip
    assert f"And {5 - REASONS} more" in text
    assert "Insufficient evidence is too little to judge" in text


def test_a_rule_without_a_verdict_is_counted_as_such():
    text = told([verdict("DQ101", "weather", PASS)], more=[Need("DQ102", "weather")])
    assert "1 without a verdict that counts" in text and "no verdict" in text


@pytest.mark.parametrize("sentence", ["word " * 400, "x" * 4000])
def test_however_long_the_reasons_are_the_ui_shows_the_summary_at_once(sentence):
    longest = max(all_rules().values(), key=lambda rule: len(rule.name))
    verdicts = [verdict(longest.code, f"a_feature_view_with_a_name_{n}", LITTLE, sentence) for n in range(9)]
    assert len(told(verdicts)) < SHOWN_AT_ONCE


def test_the_table_begins_with_what_does_not_pass():
    found = first_failing([verdict("A1", "x", PASS), verdict("A2", "x", LITTLE), verdict("A3", "x", FAIL)])
    assert [one.code for one in found] == ["A3", "A2", "A1"]


class TestBacklog:
    @pytest.fixture
    def items(self, runtime):
        from tests.delivery.closings import S1, S2, computed, judged

        from sprintline.mechanisms.backlog.update import board_of, update_from_verdicts

        for sprint in (S1, S2):
            computed(runtime, sprint)
            judged(runtime, sprint, FAIL)
            update_from_verdicts(runtime, sprint, "test", reached_end=True)
        return board_of(runtime)

    def test_an_item_leads_to_its_check_and_to_its_last_sprint(self, runtime, items):
        text = linked("flights", items)
        name = f"DQ102_{all_rules()['DQ102'].name}"
        assert f"](/assets/flights/weather?view=checks&checkDetail={name})" in text
        assert "[2013-S02](/assets/flights/increment?view=events&partition=2013-S02)" in text
        (page,) = re.findall(r"docs/rules/(\w+)\.md", text)
        assert (CLONE / "docs" / "rules" / f"{page}.md").is_file()

    def test_planned_work_has_no_check(self):
        assert subject.check_page("flights", "", "task") == ""
