"""Gates fail closed: whatever is not a pass on the data that is there keeps them shut."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sprintline.mechanisms.ledger.changed_records import Changed
from sprintline.mechanisms.rules.gates import Need, Waiver, decide, waivers_of
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Outcome, Rule, Severity, Verdict, passed

NOW = datetime(2013, 5, 1, 12, tzinfo=UTC)
NEEDS = (Need("DQ101", "arrivals"), Need("DQ201", "questions"))
VERSIONS = {"arrivals": "a1", "questions": "q1"}


def verdict(
    code="DQ101", asset="arrivals", outcome=Outcome.PASS, version="a1", subject="", sentence="all rows hold"
):
    return Verdict("p", "2013-S01", code, asset, outcome, Severity.ERROR, sentence, version, subject)


PASSING = [verdict(), verdict("DQ201", "questions", version="q1")]


def ask(verdicts=PASSING, versions=VERSIONS, waivers=(), now=NOW, needs=NEEDS):
    return decide("done", needs, verdicts, versions, waivers, now)


def test_opens_when_every_need_has_a_pass_on_the_data_that_is_there():
    gate = ask()
    assert gate.open and gate.reasons == () and gate.missing == () and gate.waived == ()


def test_a_gate_that_asks_for_nothing_stays_shut():
    gate = ask(needs=())
    assert not gate.open and "asks for no rule" in gate.reasons[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ([PASSING[1]], "DQ101 on arrivals: no verdict"),
        ([verdict(outcome=Outcome.FAIL, sentence="3 broken"), PASSING[1]], "DQ101 on arrivals: fail: 3 broken"),
        ([verdict(outcome=Outcome.INSUFFICIENT), PASSING[1]], "DQ101 on arrivals: insufficient: all rows hold"),
        ([verdict(version="a0"), PASSING[1]], "stale: the verdict is on data version a0, arrivals now holds a1"),
        ([verdict(asset="departures"), PASSING[1]], "DQ101 on arrivals: no verdict"),
    ],
)  # fmt: skip
def test_keeps_shut_and_says_why(change, said):
    gate = ask(change)
    assert not gate.open and gate.missing == (NEEDS[0],)
    assert said in gate.reasons[0]


def test_a_warning_that_fails_keeps_it_shut_too():
    warned = Verdict("p", "2013-S01", "DQ101", "arrivals", Outcome.FAIL, Severity.WARN, "late file", "a1")
    assert not ask([warned, PASSING[1]]).open


CHANGED = (
    (
        Changed("p", Scope.of("2013-S01"), "verdict", "changed", "DQ101 on arrivals (unique)", "7"),
        "the verdict DQ101 on arrivals (unique) was changed after it was recorded: materialize arrivals again with its "
        "checks, or restore a backup; `sprintline ledger verify` names all such records",
    ),
    (
        Changed("p", Scope.of("2013-S01"), "measurement", "added", "questions", "questions"),
        "the measurement of questions was added without the platform: materialize questions again with its checks, or "
        "restore a backup; `sprintline ledger verify` names all such records",
    ),
)


@pytest.mark.fault
@pytest.mark.parametrize(("changed", "told"), CHANGED)
def test_a_record_that_is_not_as_it_was_written_keeps_it_shut_whatever_its_rule(changed, told):
    waiver = Waiver("DQ101", "lead", "known", date(2014, 1, 1))
    gate = decide("done", NEEDS, PASSING, VERSIONS, [waiver], NOW, [changed])
    assert not gate.open and gate.reasons == (told,)
    assert gate.missing == () and gate.waived == (), "no waiver covers it"
    both = decide("done", NEEDS, PASSING[1:], VERSIONS, [], NOW, [changed])
    assert both.reasons[0] == told and both.reasons[1].startswith("DQ101 on arrivals: no verdict")


def test_an_older_record_that_was_changed_decides_nothing():
    older = Changed("p", Scope.of("2013-S01"), "verdict", "deleted", "DQ101 on arrivals", "3", counts=False)
    assert decide("done", NEEDS, PASSING, VERSIONS, (), NOW, [older]).open


@pytest.mark.fault
def test_three_of_many_failed_subjects_are_named_and_the_rest_counted():
    bad = [
        verdict(outcome=Outcome.FAIL, subject=f"column_{place}", sentence=f"{place} empty")
        for place in range(5)
    ]
    gate = ask([*bad, PASSING[1]])
    assert gate.reasons == (
        "DQ101 on arrivals: fail (column_0): 0 empty; fail (column_1): 1 empty; fail (column_2): 2 empty and 2 more",
    )
    assert ask([*bad[:3], PASSING[1]]).reasons[0].endswith("2 empty")
    nameless = ask([verdict(version=None), PASSING[1]])
    assert nameless.reasons == (
        "DQ101 on arrivals: stale: the verdict is on data version unknown, arrivals now holds a1",
    )


def test_data_that_nobody_measured_keeps_it_shut():
    gate = ask(versions={"questions": "q1"})
    assert not gate.open and "no data of it is on record now" in gate.reasons[0]


def test_every_subject_of_a_rule_must_pass():
    bad = verdict("DQ201", "questions", Outcome.FAIL, "q1", subject="unique_id", sentence="2 doubled")
    gate = ask([*PASSING, bad])
    assert not gate.open and gate.reasons == ("DQ201 on questions: fail (unique_id): 2 doubled",)


class TestWaivers:
    FAILING = (verdict(outcome=Outcome.FAIL, sentence="3 rows broken"), PASSING[1])
    WAIVER = Waiver("DQ101", "sam@example.org", "sensor replaced in May", date(2013, 5, 1))

    def test_a_valid_one_opens_and_names_its_approver(self):
        gate = ask(self.FAILING, waivers=[self.WAIVER])
        assert gate.open and gate.missing == () and gate.waived == (NEEDS[0],)
        assert "waived by sam@example.org" in gate.reasons[0]
        assert "sensor replaced in May" in gate.reasons[0] and "3 rows broken" in gate.reasons[0]

    def test_it_covers_insufficient_evidence_on_current_data(self):
        assert ask([verdict(outcome=Outcome.INSUFFICIENT), PASSING[1]], waivers=[self.WAIVER]).open

    def test_it_lasts_through_its_last_day_and_not_longer(self):
        end = datetime(2013, 5, 2, tzinfo=UTC)
        assert ask(self.FAILING, waivers=[self.WAIVER], now=end - timedelta(microseconds=1)).open
        gate = ask(self.FAILING, waivers=[self.WAIVER], now=end)
        assert not gate.open and "the waiver of sam@example.org ended 2013-05-02 00:00 UTC" in gate.reasons[0]

    def test_an_aware_moment_is_taken_as_it_is(self):
        until = Waiver("DQ101", "sam@example.org", "why", NOW + timedelta(hours=1))
        assert ask(self.FAILING, waivers=[until]).open
        assert not ask(self.FAILING, waivers=[until], now=NOW + timedelta(hours=1)).open

    def test_without_a_clock_no_waiver_helps(self):
        assert not ask(self.FAILING, waivers=[self.WAIVER], now=None).open

    @pytest.mark.parametrize(
        "change", [[PASSING[1]], [verdict(version="a0", outcome=Outcome.FAIL), PASSING[1]]]
    )
    def test_it_does_not_stand_in_for_a_judgement(self, change):
        gate = ask(change, waivers=[self.WAIVER])
        assert not gate.open and "accepts a verdict, it cannot replace a missing one" in gate.reasons[0]

    @pytest.mark.parametrize(
        "other",
        [
            Waiver("DQ201", "sam@example.org", "another rule", date(2014, 1, 1)),
            Waiver("DQ101", "sam@example.org", "another asset", date(2014, 1, 1), asset="departures"),
            Waiver("DQ101", "  ", "nobody answers for it", date(2014, 1, 1)),
        ],
    )
    def test_one_meant_for_something_else_does_not_help(self, other):
        assert not ask(self.FAILING, waivers=[other]).open

    def test_the_longest_of_several_counts(self):
        later = Waiver("DQ101", "dana@example.org", "longer", date(2013, 6, 1))
        gate = ask(self.FAILING, waivers=[later, self.WAIVER], now=datetime(2013, 5, 20, tzinfo=UTC))
        assert gate.open and "dana@example.org" in gate.reasons[0]

    def test_are_read_from_what_a_product_declares(self):
        from sprintline.product.spec import RuleOverride

        declared = RuleOverride.model_validate(
            {"waiver": {"approver": "sam@example.org", "reason": "why", "expires": "2013-05-01"}}
        )
        assert waivers_of({"DQ101": declared, "DQ102": RuleOverride(severity="warn")}) == (
            Waiver("DQ101", "sam@example.org", "why", date(2013, 5, 1)),
        )


def rule(code, judges, done=True):
    return Rule(code, f"claim_{code.lower()}", judges, "1.1", "fix it", lambda e, t: passed("ok"), done=done)


codes = st.sampled_from(["DQ101", "DQ102"])
assets = st.sampled_from(["a", "b"])
versions = st.sampled_from(["v1", "v2"])


# Seconds say nothing here: a busy machine, or the copy in which mutants are tried, is slower than the limits allow.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    needs=st.sets(st.builds(Need, codes, assets), max_size=4),
    verdicts=st.lists(st.builds(verdict, codes, assets, st.sampled_from(Outcome), versions), max_size=8),
    current=st.dictionaries(assets, versions),
)
def test_open_means_a_current_pass_for_every_need_and_nothing_else(needs, verdicts, current):
    gate = decide("done", needs, verdicts, current)
    said = [v for n in needs for v in verdicts if (v.code, v.asset) == (n.code, n.asset)]
    judged = {(v.code, v.asset) for v in said}
    expected = (
        bool(needs)
        and judged == {(n.code, n.asset) for n in needs}
        and all(v.passes and v.data_version == current.get(v.asset) for v in said)
    )
    assert gate.open is expected
    assert gate.open or gate.reasons
