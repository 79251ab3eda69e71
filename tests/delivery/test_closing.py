"""Closing a sprint, taking in what it shows, and asking for it again once it was waived: on real records."""

from __future__ import annotations

import dagster as dg
import pytest
from tests.delivery.closings import S1, S2, S3, S4, WAIVER, closed, computed, judged, kinds, waiting
from tests.measured_facts import facts

from sprintline.delivery import closing, inputs, sensors
from sprintline.delivery.inputs import inputs_now
from sprintline.governance import decide as acts
from sprintline.mechanisms.backlog import update
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.sensors import ATTEMPTS


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as one:
        yield one


# --- closing ---------------------------------------------------------------------------------------------------------


def test_the_first_closing_knows_whether_it_is_done(runtime):
    found = closed(runtime, S1)
    assert found.gate.open and found.restated is None
    (event,) = runtime.records.events(product=runtime.product, kind="closed")
    assert event.body["done"] and event.body["missing"] == [] and event.body["needs"] == []
    assert event.body["tables"]["weather"] == ["w1", 900]
    assert event.body["rules"] == {"DQ102 on weather": "pass"}
    assert event.as_of == runtime.clock.now() < event.at


def test_closed_again_on_the_same_data_nothing_is_added(runtime):
    closed(runtime, S1)
    before = runtime.records.events()
    runtime.clock.move(runtime.window("2013-S06").end)
    closing.close(runtime, S1, "somebody else")
    assert runtime.records.events() == before


def test_other_data_are_a_restatement_and_the_data_before_another(runtime):
    """Also when the first content comes back: a correction that is taken back is a correction."""
    closed(runtime, S1)
    for weather in ("w2", "w1", "w2"):
        found = closed(runtime, S1, weather=weather)
        assert found.restated["tables"]["weather"]["data_version"][1] == weather
        last = runtime.records.events(product=runtime.product, kind="closed")[-1]
        assert last.body["tables"]["weather"][0] == weather
    assert kinds(runtime, "closed", "restated") == ["closed", *["restated", "closed"] * 3]


def test_a_killed_closing_is_gone_on_with(runtime, monkeypatch):
    """Killed between the restatement and the closing, the next run writes what is missing and nothing twice."""
    closed(runtime, S1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(closing, "judge_asset", killed)
        with pytest.raises(KeyboardInterrupt):
            closed(runtime, S1, weather="w2")
    assert kinds(runtime, "closed", "restated") == ["closed", "restated"]
    closed(runtime, S1, weather="w2")
    assert kinds(runtime, "closed", "restated") == ["closed", "restated", "closed"]


def test_a_rule_that_turned_is_part_of_a_restatement(runtime):
    closed(runtime, S1)
    computed(runtime, S1, weather="w2")
    judged(runtime, S1, Outcome.FAIL, version="w2")
    found = closing.close(runtime, S1, "test")
    assert found.restated["rules"] == {"DQ102 on weather": ["pass", "fail"]}
    assert found.restated["champion"] == "m1" and found.restated["decision"] == "none"
    assert not found.gate.open and found.gate.missing == (Need("DQ102", "weather"),)


# --- what depends on what ---------------------------------------------------------------------------------------------


def test_a_sprint_is_not_done_while_a_store_has_other_rows_of_an_earlier_one_than_recorded(
    runtime, monkeypatch
):
    """The records agree with each other: nothing was restated."""
    closed(runtime, S1)
    found = closed(runtime, S2, back={S1: {"weather": "w1"}})
    assert found.gate.open
    lost = inputs.Changed(S1, "weather", "lake", "its rows are gone, or their files cannot be read")
    monkeypatch.setattr(inputs, "changed_past", lambda _runtime, sprint: [lost] if sprint != S1 else [])
    found = closed(runtime, S3, back={S2: {"weather": "w1"}})
    assert not found.gate.open
    (why,) = found.gate.reasons
    assert "DL701 on increment" in why and f"weather of {S1} in the lake (its rows are gone" in why
    assert "sprintline recover PRODUCT" in why


def test_what_a_closing_compares_reaches_back_as_far_as_it_reads(flights, monkeypatch):
    flights.clock.move(flights.window(S4).end)
    for sprint in (S1, S2, S3):
        computed(flights, sprint)
        flights.measure("predictions", sprint, "p", {"rows": 9, "champion": "m1"})
    found = {(one.sprint, one.asset) for one in inputs.changed_past(flights, S4)}
    assert flights.spec.features.lookback_sprints == 2 and flights.spec.model.train_sprints > 3
    for asset in ("weather", *flights.spec.features.views):
        assert {(S2, asset), (S3, asset)} <= found and (S1, asset) not in found, asset
    assert {(key, "question_features") for key in (S1, S2, S3)} <= found
    assert (S3, "predictions") in found


def test_sprints_that_read_restated_data_are_no_longer_done(runtime):
    closed(runtime, S1)
    closed(runtime, S2, back={S1: {"weather": "w1"}})
    closed(runtime, S3, back={S1: {"weather": "w1"}, S2: {"weather": "w1"}})
    closed(runtime, S4, back={S2: {"weather": "w1"}, S3: {"weather": "w1"}})
    found = closed(runtime, S1, weather="w2")
    assert found.restated["rest_on_it"] == [S2, S3]
    assert [(one.sprint, one.code) for one in found.stale] == [(S2, "DL701"), (S3, "DL701")]
    readers = len(runtime.spec.features.views) + 1
    assert f"{readers} of {readers * 2} data versions" in found.stale[1].sentence
    assert {item.cause for item in update.board_of(runtime) if item.open} == {S2, S3}
    # The third computed again is up to date; the second still is not, and its item stays.
    assert closed(runtime, S3, back={S1: {"weather": "w2"}, S2: {"weather": "w1"}}).gate.open
    assert {item.cause for item in update.board_of(runtime) if item.open} == {S2}
    assert not closing.close(runtime, S2, "test").gate.open, "closing it alone computes nothing"
    assert closed(runtime, S2, back={S1: {"weather": "w2"}}).gate.open
    assert not any(item.open for item in update.board_of(runtime))


def test_what_a_sprint_rests_on_is_unknown_until_it_is_recorded(runtime):
    assert inputs_now(runtime, S1)["inputs"] is None
    runtime.measure("weather", S1, "w1", facts("source", rows=900))
    # A record of an older version.
    runtime.records.measure(runtime.product, S1, "question_features", "q1", {"rows": 9})
    assert inputs_now(runtime, S1)["inputs"] is None
    judged(runtime, S1, Outcome.PASS)
    assert closing.close(runtime, S1, "test").gate.missing == (Need("DL701", "increment"),)


# --- waivers ---------------------------------------------------------------------------------------------------------


def test_a_waiver_names_the_sprints_that_closed_without_it(runtime):
    waiting(runtime)
    told = " ".join(acts.waive(runtime, "dana", asset="weather", **WAIVER).sentences)
    assert f"Closed without it: {S1}" in told and "materialize flight_delays/increment" in told
    told = " ".join(acts.waive(runtime, "dana", asset="arrivals", **WAIVER).sentences)
    assert "Closed without it" not in told


def test_the_sensor_asks_once_to_close_again_what_was_waived(runtime, instance):
    waiting(runtime)
    assert sensors.plan(runtime, instance)[0] == []
    event = acts.waive(runtime, "dana", asset="weather", **WAIVER).event
    (request,) = sensors.plan(runtime, instance)[0]
    assert request.partition_key == S1 and request.tags["sprintline/waiver"] == str(event.seq)
    assert [key.path[-1] for key in request.asset_selection] == ["increment", "backlog"]
    run(instance, request, dg.DagsterRunStatus.STARTED)
    assert sensors.plan(runtime, instance)[0] == [], "it is under way"
    again = closing.close(runtime, S1, "test")
    assert again.gate.open and again.restated is None
    last = runtime.records.events(product=runtime.product, kind="closed")[-1]
    assert last.body["done"] and "waived by sam" in last.body["missing"][0] and last.body["needs"] == []
    assert sensors.plan(runtime, instance)[0] == []


def test_a_failed_reclosing_is_tried_again_and_then_given_up(runtime, instance):
    waiting(runtime)
    acts.waive(runtime, "dana", asset="weather", **WAIVER)
    keys = set()
    for _ in range(ATTEMPTS):
        (request,) = sensors.plan(runtime, instance)[0]
        keys.add(request.run_key)
        run(instance, request, dg.DagsterRunStatus.FAILURE)
    assert len(keys) == ATTEMPTS and sensors.plan(runtime, instance)[0] == []


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
def test_nothing_is_closed_on_a_waiver_that_no_longer_helps(runtime, instance, how):
    waiting(runtime)
    acts.waive(runtime, "dana", asset="weather", **WAIVER)
    if how == "withdrawn":
        acts.withdraw(runtime, "dana", code="DQ102", asset="weather", reason="repaired")
    else:
        runtime.clock.move(runtime.window("2013-S14").end)
    assert sensors.plan(runtime, instance)[0] == []
    again = closing.close(runtime, S1, "test")
    assert not again.gate.open
    assert (
        "was withdrawn by dana" if how == "withdrawn" else "the waiver of sam ended"
    ) in again.gate.reasons[0]


def run(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    instance.add_run(
        dg.DagsterRun(
            job_name="flight_delays_closing",
            run_id=dg._core.utils.make_new_run_id(),
            status=status,
            tags={**request.tags, "dagster/run_key": request.run_key},
        )
    )


# --- what is found ---------------------------------------------------------------------------------------------------


def test_runs_given_up_are_one_item_until_the_sprint_closes(runtime):
    for _ in range(2):
        update.sight_given_up(runtime, S1, "2013-S01 failed 3 times on the same files", "f1", "landing")
    (item,) = update.board_of(runtime)
    assert item.open and (item.code, item.sightings, item.severity) == ("RUN", 1, "error")
    update.update_from_verdicts(runtime, S1, "test")
    assert update.board_of(runtime)[0].open, "a verdict on the way is no end of the run"
    closed(runtime, S1)
    assert update.board_of(runtime)[0].recovered == S1


def test_what_was_given_up_is_told_as_long_as_the_files_are_the_same(runtime):
    update.sight_given_up(runtime, S1, "2013-S01 failed 3 times on the same files, dbt: no", "f1", "landing")
    assert update.given_up(runtime, S1, "f1") == "2013-S01 failed 3 times on the same files, dbt: no"
    assert update.given_up(runtime, S1, "f2") is None and update.given_up(runtime, S2, "f1") is None
    closed(runtime, S1)
    assert update.given_up(runtime, S1, "f1") is None


def test_suspected_drift_neither_opens_nor_closes(runtime):
    def drift(sprint: str, state: str, outcome: Outcome) -> None:
        runtime.measure("drift", sprint, state, facts("drift", state=state, why="w"))
        verdict = Verdict(
            runtime.product, sprint, "MO501", "drift", outcome, Severity.WARN, f"drift is {state}", state
        )
        runtime.records.record_verdicts([verdict])
        update.update_from_verdicts(runtime, sprint, "test")

    drift(S1, "insufficient", Outcome.INSUFFICIENT)
    drift(S2, "suspected", Outcome.PASS)
    (blind,) = update.board_of(runtime)
    assert blind.recovered == S2, "there is evidence now; what it shows is another matter"
    drift(S3, "confirmed", Outcome.FAIL)
    drift(S4, "suspected", Outcome.PASS)
    assert [item.cause for item in update.board_of(runtime) if item.open] == [""]
    drift("2013-S05", "none", Outcome.PASS)
    assert {item.recovered for item in update.board_of(runtime)} == {S2, "2013-S05"}


def test_one_drift_is_one_item(runtime):
    """Gaps and errors of a window go into the state of drift; only that opens an item, once it is confirmed."""
    found = [("MO501", Outcome.PASS), ("MO502", Outcome.FAIL), ("MO503", Outcome.FAIL)]
    for sprint, state in ((S1, "suspected"), (S2, "confirmed")):
        runtime.measure("drift", sprint, state, facts("drift", state=state, why="w"))
        runtime.records.record_verdicts(
            [
                Verdict(runtime.product, sprint, code, "drift", outcome, Severity.WARN, "gaps", state)
                for code, outcome in found
            ]
        )
        update.update_from_verdicts(runtime, sprint, "test")
        assert [item.code for item in update.board_of(runtime)] == (["MO501"] if state == "confirmed" else [])
        found[0] = ("MO501", Outcome.FAIL)


def test_a_candidate_that_is_held_is_a_decision_and_no_item(runtime):
    def candidate(code: str) -> Verdict:
        return Verdict(runtime.product, S1, code, "candidate", Outcome.FAIL, Severity.WARN, "a tie", "m2")

    runtime.records.record_verdicts([candidate("ML405"), candidate("ML402")])
    update.update_from_verdicts(runtime, S1, "test")
    assert [item.code for item in update.board_of(runtime)] == ["ML402"], "Done asks for it"


def test_a_correction_waits_for_a_persons_word(runtime):
    closed(runtime, S1)
    land = runtime.home.landing / "flight_delays" / "weather" / f"{S1}.csv"
    land.parent.mkdir(parents=True)
    land.write_text("a\n1\n")
    closed(runtime, S1, weather="w2")
    (item,) = [item for item in update.board_of(runtime) if item.open]
    assert (item.code, item.cause) == ("DL702", S1)
    said = {
        "code": "DL702",
        "sprint": S1,
        "claim": "rows were doubled",
        "evidence": "mail of 3 May",
        "attester": "sam",
    }
    told = acts.attest(runtime, "dana", **said).sentences
    assert "The rule now says pass: 1 restatement, attested by sam" in told[1]
    assert not any(item.open for item in update.board_of(runtime))
    count = len(runtime.records.events())
    acts.attest(runtime, "dana", **said)
    assert len(runtime.records.events()) == count
