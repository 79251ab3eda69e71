"""What people may decide, how mistakes are reported, and what of their decisions stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sprintline.governance import acts
from sprintline.mechanisms.ledger.chain import EMPTY, Event, Head, next_event
from sprintline.mechanisms.rules import waivers
from sprintline.mechanisms.rules.events import WAIVER, WITHDRAWN
from sprintline.mechanisms.rules.gates import Need, decide
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict

NOW = datetime(2013, 5, 1, 12, tzinfo=UTC)
JUDGED = {"DQ102": ["arrivals", "weather"], "DL702": ["increment"], "ML402": []}
SAID = {
    "code": "DQ102",
    "asset": "",
    "reason": "the sensor is replaced",
    "expires": "2013-05-31",
    "approver": "sam",
}


def waiver(**change):
    return acts.waiver(**{**SAID, **change}, now=NOW, judged=JUDGED)


class Ledger:
    def __init__(self):
        self.events: list[Event] = []

    def append(self, kind, body, actor="dana", sprint=None):
        head = Head(self.events[-1].seq, self.events[-1].hash) if self.events else EMPTY
        event = next_event(head, at=NOW, kind=kind, product="p", sprint=sprint, actor=actor, body=body)
        self.events.append(event)
        return event


@pytest.fixture
def ledger():
    return Ledger()


def test_a_waiver_is_kept_bare():
    assert waiver(reason="  the sensor is replaced ") == SAID


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "DQ112"}, "there is no rule DQ112: did you mean `DQ102`?"),
        ({"code": " "}, "no rule is named: give its code, like DQ101"),
        ({"asset": "wether"}, "DQ102 does not judge wether: did you mean `weather`?"),
        ({"code": "ML402", "asset": "candidate"}, "ML402 judges no asset of this product"),
        ({"reason": " \n"}, "the reason is empty: say it in a sentence"),
        ({"reason": "x" * 501}, "the reason has 501 characters: at most 500"),
        ({"approver": ""}, "no approver is named: a decision has a person who answers for it"),
        ({"approver": "x" * 121}, "the approver has 121 characters"),
        ({"approver": "sam\nand dana"}, "at most 120 on one line"),
        ({"expires": ""}, "no expiry is given: name the last day on which it is valid"),
        ({"expires": "next week"}, "next week is not a date"),
        ({"expires": "2013-04-30"}, "it would have expired on 2013-04-30: today is 2013-05-01"),
        ({"expires": "2014-05-03"}, "2014-05-03 is more than 366 days ahead"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_mend(change, sentence):
    with pytest.raises(acts.ActError) as wrong:
        waiver(**change)
    assert sentence in str(wrong.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(acts.ActError) as wrong:
        waiver(code="", reason="", approver="", expires="")
    assert str(wrong.value).count("; ") == 3


def test_today_and_a_year_ahead_are_days_that_hold():
    assert waiver(expires="2013-05-01") and waiver(expires="2014-05-02")


def test_a_gate_opens_on_a_recorded_waiver_and_shuts_when_it_is_withdrawn(ledger):
    verdict = Verdict("p", "S", "DQ102", "weather", Outcome.FAIL, Severity.ERROR, "900 rows", "v1")

    def ask(now=NOW, before=None):
        granted = waivers.waivers_in(ledger.events, before)
        return decide("done", [Need("DQ102", "weather")], [verdict], {"weather": "v1"}, granted, now)

    assert not ask().open
    event = ledger.append(WAIVER, waiver())
    assert ask().open and "waived by sam until 2013-06-01 00:00 UTC" in ask().reasons[0]
    assert not ask(before=event.seq).open, "what closed before it closed without it"
    assert not ask(NOW + timedelta(days=31)).open
    withdrawn = acts.withdrawal(code="DQ102", asset="", reason="repaired", events=ledger.events, now=NOW)
    assert withdrawn["waivers"] == [event.seq]
    ledger.append(WITHDRAWN, withdrawn)
    shut = ask()
    assert not shut.open and "the waiver of sam was withdrawn by dana (repaired)" in shut.reasons[0]
    # A later one stands beside the one that was taken back.
    ledger.append(WAIVER, waiver())
    assert ask().open
    assert [waivers.state_of(one, NOW) for one in waivers.waivers_in(ledger.events)] == [
        "withdrawn",
        "in force",
    ]


@pytest.mark.fault
def test_only_what_is_in_force_is_withdrawn(ledger):
    ledger.append(WAIVER, waiver(asset="weather"))
    for said in ({"asset": ""}, {"asset": "arrivals"}, {"asset": "weather", "now": NOW + timedelta(days=40)}):
        with pytest.raises(acts.ActError, match="no waiver of DQ102"):
            acts.withdrawal(**{"code": "DQ102", "reason": "x", "events": ledger.events, "now": NOW, **said})
    with pytest.raises(acts.ActError, match="the reason is empty"):
        acts.withdrawal(code="DQ102", asset="weather", reason="", events=ledger.events, now=NOW)


def test_a_waiver_knows_the_needs_it_opens():
    assert waivers.opens(waiver(), ["DQ101 on weather", "DQ102 on weather"])
    assert waivers.opens(waiver(asset="weather"), ["DQ102 on weather"])
    assert not waivers.opens(waiver(asset="weather"), ["DQ102 on arrivals", "DQ101 on weather"])
    assert not waivers.opens(waiver(), [])


def approval(**change):
    said = {"asset": "increment", "data_version": "v1", "reason": "looked at it", "expires": "2013-05-31"}
    return acts.approval(
        **{**said, "approver": "sam", "now": NOW, "assets": ["increment", "weather"], **change}
    )


def test_an_approval_stands_for_the_data_that_were_looked_at(ledger):
    assert acts.approval_of(ledger.events, "increment", "v1", NOW) is None
    ledger.append(acts.APPROVAL, approval(), sprint="S")
    assert acts.approval_of(ledger.events, "increment", "v1", NOW)["stands"]
    assert acts.approval_of(ledger.events, "weather", "v1", NOW) is None
    changed = acts.approval_of(ledger.events, "increment", "v2", NOW)
    assert not changed["stands"] and changed["why_not"] == "the data has changed since"
    late = acts.approval_of(ledger.events, "increment", "v1", datetime(2013, 6, 1, tzinfo=UTC))
    assert not late["stands"] and "it ended 2013-06-01" in late["why_not"]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"asset": "incremnt"}, "there is no asset incremnt: did you mean `increment`?"),
        ({"data_version": None}, "nothing of increment was recorded for this sprint yet"),
        ({"approver": ""}, "no approver is named"),
        ({"expires": ""}, "no expiry is given"),
    ],
)
def test_what_cannot_be_approved_is_told(change, sentence):
    with pytest.raises(acts.ActError) as wrong:
        approval(**change)
    assert sentence in str(wrong.value)


def attestation(**change):
    said = {
        "code": "DL702",
        "asset": "",
        "claim": "two orders were doubled",
        "evidence": "https://t.example.org/1",
    }
    return acts.attestation(
        **{**said, "expires": "", "attester": "sam", "about": "v1", "now": NOW, "judged": JUDGED, **change}
    )


def test_an_attestation_may_hold_for_good_and_names_its_evidence():
    assert attestation()["expires"] == "" and attestation(expires="2013-05-02")["expires"] == "2013-05-02"
    for change, sentence in (
        ({"evidence": ""}, "the evidence is empty: give a link or a path"),
        ({"claim": ""}, "the claim is empty"),
        ({"attester": ""}, "no attester is named"),
        ({"expires": "2013-04-01"}, "it would have expired"),
        ({"code": "DL720"}, "there is no rule DL720"),
    ):
        with pytest.raises(acts.ActError) as wrong:
            attestation(**change)
        assert sentence in str(wrong.value)


def test_names_and_reasons_of_other_acts_are_held_to_the_same():
    assert acts.named("owner", " sam ") == "sam" and acts.worded("reason", " why ") == "why"
    with pytest.raises(acts.ActError, match="no owner is named"):
        acts.named("owner", " ")
    with pytest.raises(acts.ActError, match="the reason is empty"):
        acts.worded("reason", "")


def test_a_declared_waiver_and_a_recorded_one_say_the_same(ledger):
    ledger.append(WAIVER, waiver())
    (found,) = waivers.waivers_in(ledger.events)
    assert found.expires == date(2013, 5, 31) and found.until == datetime(2013, 6, 1, tzinfo=UTC)
