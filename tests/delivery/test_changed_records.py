"""Records that are not as they were written: closings carry what they are based on, Done and status notice a change."""

from __future__ import annotations

import sqlite3

import pytest
from tests.delivery.closings import S1, S2, S3, WAIVER, closed, judged, waiting
from tests.measured_facts import facts

from sprintline.base.databases import RecordsError
from sprintline.delivery import closing, recorded
from sprintline.delivery.recorded import Recorded
from sprintline.governance import decide as acts
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.product.runtime import Runtime


def status_of(runtime: Runtime, sprint: str):
    return Recorded.of(runtime).status[sprint]


def by_another_hand(runtime: Runtime, *statements: str) -> None:
    file = runtime.home.root / "records.db"
    with sqlite3.connect(file) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount, statement
    connection.close()


@pytest.fixture
def needs(runtime, monkeypatch):
    """The gate of the status asks for what the closing asks for."""
    asked = (Need("DQ102", "weather"), Need("DL701", "increment"))
    monkeypatch.setattr(recorded, "definition_of_done", lambda _runtime, _sprint: asked)


def test_a_closing_carries_what_it_is_based_on(runtime):
    closed(runtime, S1)
    (event,) = runtime.records.events(product=runtime.product, kind="closed")
    based = event.body["rests_on"]
    measured = len(runtime.records.measurements(runtime.product, S1))
    judged_ = len(runtime.records.verdicts(runtime.product, S1))
    assert (based["verdicts"], based["measurements"]) == (judged_, measured) and based["seal"] > measured
    report = runtime.records.verify()
    assert report.ok and report.records.covered == 1
    assert len(report.records.without) == 1, "the decision of these tests does not say"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE verdicts SET outcome = 'pass'",
            "the verdict DQ102 on weather was changed after it was recorded",
        ),
        (
            "UPDATE measurements SET facts = replace(facts, '900', '901') WHERE asset = 'weather'",
            "the measurement of weather was changed after it was recorded",
        ),
        ("DELETE FROM verdicts WHERE code = 'DQ102'", "the verdict DQ102 on weather was deleted after"),
        (
            "INSERT INTO verdicts SELECT 99, product, scope_key, code, asset, subject, 'pass', severity, observed,"
            " threshold, sentence, data_version, at, scope_kind FROM verdicts WHERE code = 'DQ102'",
            "the verdict DQ102 on weather was added without the platform",
        ),
    ],
)
def test_done_and_status_notice_what_another_hand_did(runtime, needs, statement, says):
    waiting(runtime)
    assert not status_of(runtime, S1).done
    by_another_hand(runtime, statement)
    row = status_of(runtime, S1)
    assert not row.done and row.missing[0].startswith(says), row.missing
    assert "materialize weather again with its checks" in row.missing[0]
    again = closing.close(runtime, S1, "test")
    assert not again.gate.open and again.gate.reasons[0].startswith(says)
    assert says in " ".join(one.sentence for one in runtime.records.verify().records.changed)
    # Judged and measured again, the sprint is as it is, and only the record of what happened keeps it.
    judged(runtime, S1, Outcome.PASS)
    runtime.measure("weather", S1, "w1", facts("source", rows=900))
    assert closing.close(runtime, S1, "test").gate.open and status_of(runtime, S1).done


@pytest.mark.fault
def test_a_done_sprint_is_done_no_longer_and_its_neighbours_still_are(runtime, needs):
    for sprint in (S1, S2):
        closed(runtime, sprint)
    by_another_hand(runtime, f"UPDATE measurements SET data_version = data_version WHERE scope_key = '{S1}'")
    assert status_of(runtime, S1).done, "nothing was changed"
    by_another_hand(
        runtime, f"UPDATE verdicts SET observed = '7' WHERE scope_key = '{S1}' AND code = 'DQ102'"
    )
    assert not status_of(runtime, S1).done and status_of(runtime, S2).done


@pytest.mark.fault
def test_a_waiver_that_was_made_to_last_longer_opens_nothing(runtime):
    waiting(runtime)
    acts.waive(runtime, "dana", asset="weather", **WAIVER)
    by_another_hand(
        runtime, "UPDATE ledger SET body = replace(body, '2013-06-01', '2023-06-01') WHERE kind = 'waiver'"
    )
    with pytest.raises(RecordsError, match=r"\(waiver of flight_delays\) was edited"):
        closing.close(runtime, S1, "test")


def test_what_happens_after_a_closing_raises_no_alarm(runtime, needs):
    """Restated, judged again, waived, withdrawn, closed again, in any order: none of it is another hand's."""

    def held() -> None:
        report = runtime.records.verify()
        assert report.ok, (report.broken, report.records)
        assert all(runtime.records.changed(runtime.product, sprint) == [] for sprint in (S1, S2, S3))

    closed(runtime, S1)
    closed(runtime, S2, back={S1: {"weather": "w1"}})
    held()
    closed(runtime, S1, weather="w2")  # judges the second again, which is closed
    held()
    closed(runtime, S2, back={S1: {"weather": "w2"}})
    held()
    judged(runtime, S1, Outcome.FAIL, version="w2")
    held()
    acts.waive(runtime, "dana", asset="weather", **WAIVER)
    held()
    assert closing.close(runtime, S1, "test").gate.open and status_of(runtime, S1).done
    held()
    acts.withdraw(runtime, "dana", code="DQ102", asset="weather", reason="repaired")
    closing.close(runtime, S1, "test")
    held()
    judged(runtime, S1, Outcome.PASS, version="w2")
    closing.close(runtime, S1, "test")
    for _ in range(2):
        closing.close(runtime, S1, "test")
        held()
    runtime.records.remove(runtime.product, "dana")
    held()
    closed(runtime, S1)
    held()
    assert status_of(runtime, S1).done
    covered = runtime.records.verify().records.covered
    assert covered == len(kinds_of_all(runtime, "closed"))


def kinds_of_all(runtime: Runtime, kind: str) -> list[str]:
    return [event.kind for event in runtime.records.events(kind=kind)]
