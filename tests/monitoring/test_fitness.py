"""Whether a served champion is any good, from stores: one number for all, worse than naive, sprints in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sprintline.lake.tables import Lake
from sprintline.learning.tasks.binary import TASK
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.monitoring import fitness
from sprintline.product.runtime import Runtime
from sprintline.warehouse.dbt import Warehouse

ROWS = 900


class Outcomes:
    """The outcomes mart, as far as it is read here."""

    def __init__(self) -> None:
        self.labels: dict[str, pd.DataFrame] = {}

    def relations(self) -> dict[str, str]:
        return {"outcomes": "outcomes"}

    def query(self, _: str, sprints: list[str]) -> pd.DataFrame:
        columns = ["question_id", "sprint", "label", "known_at"]
        return pd.concat([self.labels[key] for key in sprints])[columns]


@pytest.fixture
def outcomes(flights: Runtime) -> Outcomes:
    found = Outcomes()
    flights.opened[Warehouse] = found
    return found


def put(runtime: Runtime, outcomes: Outcomes, sprint: str, kind: str = "good", champion: str = "m1") -> None:
    """A scored sprint whose champion is `good`, `flat` (one number) or `backwards`."""
    draw, window = np.random.default_rng(int(sprint[-2:])), runtime.window(sprint)
    ids = [f"{sprint}-{row:04d}" for row in range(ROWS)]
    truth = draw.normal(-1, 1.5, ROWS)
    label = (draw.random(ROWS) < 1 / (1 + np.exp(-truth))).astype(float)
    good = 1 / (1 + np.exp(-truth - 0.3 * draw.normal(size=ROWS)))
    chance = {"good": good, "flat": np.full(ROWS, 0.27), "backwards": 1 - good}[kind]
    naive = 1 / (1 + np.exp(-0.4 * truth - 0.6 + 0.5 * draw.normal(size=ROWS)))
    days = pd.to_datetime([window.start] * ROWS, utc=True) + pd.to_timedelta(np.arange(ROWS) % 14, "D")
    moments = pd.Series(days).astype("datetime64[us, UTC]")
    issued = pd.DataFrame(
        {
            "question_id": ids,
            "event_at": moments,
            "probability": chance,
            "naive": naive,
            "known_at": moments,
        }
    )
    runtime[Lake].write(runtime.table("predictions"), sprint, issued, sort_by="question_id")
    runtime[Lake].write(
        runtime.table("question_features"),
        sprint,
        issued[["question_id", "known_at"]],
        sort_by="question_id",
    )
    outcomes.labels[sprint] = pd.DataFrame(
        {"question_id": ids, "sprint": sprint, "label": label, "known_at": moments}
    )
    facts: dict[str, Any] = {"labelled": ROWS, "positive_rate": 0.3, "champion": champion}
    facts["answers"] = fitness.answers(runtime, sprint)
    runtime.measure("scores", sprint, "v", facts)


def evidence(runtime: Runtime, sprint: str) -> dict[str, Any]:
    found, _ = kinds()["scores"].gather(runtime, "scores", sprint)
    return dict(found)


def outcome(runtime: Runtime, sprint: str) -> dict[str, str]:
    found = evidence(runtime, sprint)
    return {code: all_rules()[code](found).outcome.value for code in ("MO505", "MO506", "MO507")}


def test_a_good_champion_passes(flights, outcomes):
    put(flights, outcomes, "2013-S07")
    assert outcome(flights, "2013-S07") == dict.fromkeys(("MO505", "MO506", "MO507"), "pass")
    gains = evidence(flights, "2013-S07")["answers"]["against_naive"]
    assert [one["metric"] for one in gains] == ["roc_auc", "brier"] and all(one["low"] > 0 for one in gains)


@pytest.mark.fault
def test_one_number_fails_at_once_and_twice_is_a_row(flights, outcomes):
    put(flights, outcomes, "2013-S07", "flat")
    # One number also ranks worse than a table of rates.
    assert outcome(flights, "2013-S07") == {"MO505": "fail", "MO506": "fail", "MO507": "pass"}
    put(flights, outcomes, "2013-S08", "backwards")
    assert outcome(flights, "2013-S08") == {"MO505": "pass", "MO506": "fail", "MO507": "fail"}
    assert evidence(flights, "2013-S08")["weak_before"] == ["2013-S07"]


def test_a_good_sprint_or_another_champion_ends_the_row(flights, outcomes):
    put(flights, outcomes, "2013-S07", "backwards")
    put(flights, outcomes, "2013-S08")
    put(flights, outcomes, "2013-S09", "backwards")
    assert evidence(flights, "2013-S09")["weak_before"] == []
    put(flights, outcomes, "2013-S10", "backwards", champion="m2")
    assert evidence(flights, "2013-S10")["weak_before"] == []
    put(flights, outcomes, "2013-S11", "backwards", champion="m2")
    assert fitness.weak_before(flights, "2013-S11", "m2") == ["2013-S10"]
    assert fitness.weak_before(flights, "2013-S11", None) == []


def test_a_sprint_that_could_not_be_judged_does_not_end_the_row(flights, outcomes):
    put(flights, outcomes, "2013-S07", "backwards")
    put(flights, outcomes, "2013-S08")
    outcomes.labels["2013-S08"] = outcomes.labels["2013-S08"].assign(label=0.0)
    facts = dict(flights.measurement("scores", "2013-S08").facts)
    flights.measure(
        "scores", "2013-S08", "v", {**facts, "answers": fitness.answers(flights, "2013-S08", facts)}
    )
    found = outcome(flights, "2013-S08")
    assert found == {"MO505": "pass", "MO506": "insufficient", "MO507": "insufficient"}
    put(flights, outcomes, "2013-S09", "backwards")
    assert evidence(flights, "2013-S09")["weak_before"] == ["2013-S07"]


@pytest.mark.fault
def test_predictions_changed_after_they_were_scored_are_seen(flights, outcomes):
    """Figures are used again only while the rows they were made from are the same."""
    put(flights, outcomes, "2013-S07")
    kept = flights.measurement("scores", "2013-S07").facts["answers"]
    assert evidence(flights, "2013-S07")["answers"] == kept
    table = flights.table("predictions")
    frame = flights[Lake].read(table, ["2013-S07"]).drop(columns="sprint", errors="ignore")
    flights[Lake].write(table, "2013-S07", frame.assign(probability=0.2), sort_by="question_id")
    assert outcome(flights, "2013-S07")["MO505"] == "fail"


def test_a_record_of_an_older_version_is_measured_when_it_is_judged(flights, outcomes):
    put(flights, outcomes, "2013-S07", "flat")
    flights.measure("scores", "2013-S07", "v", {"labelled": ROWS, "positive_rate": 0.3, "champion": "m1"})
    assert outcome(flights, "2013-S07")["MO505"] == "fail"


def test_without_a_model_there_are_no_answers(flights, outcomes):
    outcomes.labels["2013-S02"] = pd.DataFrame(columns=["question_id", "sprint", "label", "known_at"])
    flights.measure("scores", "2013-S02", "v", {"labelled": 0, "positive_rate": None, "champion": None})
    found = evidence(flights, "2013-S02")
    assert found["served"] is False and "answers" not in found
    assert set(outcome(flights, "2013-S02").values()) == {"pass"}


@pytest.mark.fault
def test_predictions_that_were_lost_are_no_pass(flights, outcomes):
    outcomes.labels["2013-S07"] = pd.DataFrame(columns=["question_id", "sprint", "label", "known_at"])
    flights.measure("scores", "2013-S07", "v", {"labelled": 0, "positive_rate": None, "champion": "m1"})
    assert set(outcome(flights, "2013-S07").values()) == {"insufficient"}


# --- one number ------------------------------------------------------------------------------------------------------


def judged(chance: Any) -> Outcome:
    same = TASK.same_number(np.asarray(chance, dtype=float), np.empty(0))
    return all_rules()["MO505"]({"served": True, "answers": {"same": same, "against_naive": []}}).outcome


DRAW = np.random.default_rng(4)


@pytest.mark.fault
@pytest.mark.parametrize(
    "chance",
    [
        np.full(672, 0.25),
        np.full(672, 0.0),
        np.full(672, 1.0),
        0.25 + DRAW.normal(0, 0.0005, 672),
        np.r_[np.full(669, 0.25), [0.9, 0.01, 0.5]],
        np.r_[np.full(660, 0.25), np.full(12, 0.3)],
        0.01 + DRAW.normal(0, 1e-5, 672),
    ],
    ids=["one", "zero", "certain", "noise", "but three", "but twelve", "one rare number"],
)
def test_one_number_or_nearly_one_is_no_answer(chance):
    assert judged(chance) is Outcome.FAIL


@pytest.mark.parametrize(
    "chance",
    [
        DRAW.beta(2, 6, 672),
        1 / (1 + np.exp(1 + 0.1 * DRAW.normal(size=672))),  # ranks hardly better than chance
        DRAW.choice([0.1, 0.2, 0.3], 672),  # a few groups
        # Rare events: nearly all questions are certain, and what is expected is expected of the others.
        np.r_[np.zeros(660), np.full(12, 0.4)],
        np.r_[np.full(6_700, 1e-5), np.full(20, 0.6)],
        0.01 * np.exp(DRAW.normal(0, 0.5, 672)),
    ],
    ids=["wide", "weak", "groups", "rare by trees", "very rare", "rare"],
)
def test_a_model_that_tells_questions_apart_passes(chance):
    assert judged(chance) is Outcome.PASS


def test_few_predictions_may_be_one_number_by_chance():
    assert judged([0.2] * 9) is Outcome.INSUFFICIENT and judged([]) is Outcome.INSUFFICIENT
    assert judged([float("nan")] * 50) is Outcome.INSUFFICIENT


def test_a_product_may_move_the_line(flights, outcomes, monkeypatch):
    put(flights, outcomes, "2013-S07", "flat")
    override = type("Override", (), {"threshold": 1.5, "severity": None, "waiver": None})()
    monkeypatch.setitem(flights.spec.rules, "MO505", override)
    monkeypatch.setitem(flights.spec.rules, "MO507", override)
    found = flights.measurement("scores", "2013-S07").facts
    assert not any("tell one question" in one for one in fitness.weaknesses(flights, found))
    assert fitness.in_a_row(flights) == 2
