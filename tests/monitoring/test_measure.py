"""Drift of whole sprints through stores: suspected, confirmed, closed, and come again; errors and missing values."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sprintline.lake.tables import Lake
from sprintline.learning.recipes import Inputs
from sprintline.learning.registry import Models
from sprintline.learning.tasks.binary import TASK
from sprintline.monitoring.measure import measure_drift, ordinary, reference_of
from sprintline.monitoring.reports import Reports
from sprintline.product.runtime import Runtime
from sprintline.warehouse.dbt import Warehouse

ROWS = 1200
INPUTS = Inputs(("temp", "wind"), ("carrier",))


@dataclass
class World:
    """A product whose champion `m1` was trained on five sprints; sprints are put in as the test tells."""

    runtime: Runtime
    labels: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        return {"snapshot": {"sprints": list(self.runtime.calendar.keys[:5])}}

    inputs, digest, task = INPUTS, "d1", TASK

    def release(self, model_id: str) -> "World":
        return self

    def reference(self) -> pd.DataFrame:
        frames = [self.frame(number).assign(sprint=self.runtime.calendar.keys[number]) for number in range(5)]
        whole = pd.concat(frames, ignore_index=True)
        return whole.assign(carrier=whole["carrier"].fillna(""))  # as training keeps a missing category

    def relations(self) -> dict[str, str]:
        return {"outcomes": "outcomes"}

    def query(self, _: str, sprints: list[str]) -> pd.DataFrame:
        return pd.concat([self.labels[key] for key in sprints])

    @staticmethod
    def frame(number: int, shift: float = 0.0, gone: float = 0.01) -> pd.DataFrame:
        draw = np.random.default_rng(number)
        frame = pd.DataFrame(
            {
                "temp": draw.normal(10 + 4 * shift, 4, ROWS),
                "wind": draw.gamma(3, 2, ROWS),
                "carrier": draw.choice(["AA", "UA", "B6"], ROWS),
            }
        )
        frame.loc[draw.random(ROWS) < gone, "carrier"] = None
        return frame

    def put(self, number: int, shift: float = 0.0, gone: float = 0.01, flipped: bool = False) -> str:
        runtime, sprint = self.runtime, self.runtime.calendar.keys[number]
        draw, begin = np.random.default_rng(100 + number), runtime.window(sprint).start
        ids = [f"{sprint}-{row:04d}" for row in range(ROWS)]
        stamps = pd.to_datetime(pd.Series([begin] * ROWS), utc=True).astype("datetime64[us, UTC]")
        frame = self.frame(number, shift, gone).assign(question_id=ids, known_at=stamps)
        runtime[Lake].write(runtime.table("question_features"), sprint, frame, sort_by="question_id")
        chance = draw.beta(1, 3, ROWS)
        issued = pd.DataFrame({"question_id": ids, "probability": chance, "known_at": stamps})
        commit = runtime[Lake].write(runtime.table("predictions"), sprint, issued, sort_by="question_id")
        champion = "m1" if number >= 5 else None
        said = {"rows": ROWS, "champion": champion}
        runtime.measure("predictions", sprint, commit.data_version, said)
        label = (draw.random(ROWS) < (1 - chance if flipped else chance)).astype(float)
        self.labels[sprint] = pd.DataFrame(
            {"question_id": ids, "sprint": sprint, "label": label, "known_at": stamps}
        )
        return sprint

    def measure(self, number: int, **change: Any) -> dict[str, Any]:
        sprint = self.put(number, **change)
        facts = measure_drift(self.runtime, sprint)
        self.runtime.measure("drift", sprint, "v", facts)
        return facts


@pytest.fixture
def world(flights: Runtime) -> World:
    made = World(flights)
    flights.opened[Models] = flights.opened[Warehouse] = made
    for number in range(5):
        made.put(number)
    return made


def test_drift_opens_lasts_closes_and_comes_again(world):
    pages = world.runtime[Reports]
    calm = world.measure(5)
    assert (calm["state"], calm["since"], calm["ordinary_sprints"]) == ("none", None, 5), calm["why"]
    assert not pages.page("drift", "2013-S06").exists()
    first = world.measure(6, shift=1.0)
    assert (first["state"], first["drifted"]) == ("suspected", ["temp"]), first["why"]
    assert pages.page("drift", "2013-S07").is_file(), "a page when drift is found"
    second = world.measure(7, shift=1.0)
    assert (second["state"], second["since"]) == ("confirmed", "2013-S08")
    assert second["episode"] == "flight_delays:drift:m1:2013-S08"
    clean = world.measure(8)
    assert (clean["state"], clean["episode"]) == ("confirmed", second["episode"]), (
        "one clean sprint closes nothing"
    )
    assert world.measure(9)["state"] == "none"
    world.measure(10, shift=1.0)
    again = world.measure(11, shift=1.0)
    assert (again["state"], again["since"]) == ("confirmed", "2013-S12")
    assert again["fingerprint"] == second["fingerprint"] and again["episode"] != second["episode"]


def test_measured_twice_is_the_same(world):
    assert world.measure(6, shift=1.0) == world.measure(6, shift=1.0)


def test_missing_values_are_drift_of_their_own(world):
    found = world.measure(5, gone=0.4)
    assert found["window"] is True and found["drifted"] == ["missing carrier"]
    assert found["missing"]["carrier"]["moved"] is True
    assert found["missing"]["carrier"]["share"] == pytest.approx(0.4, abs=0.05)
    # The reference keeps a missing category as an empty text: it is missing there as well.
    assert found["missing"]["carrier"]["ordinary"] == pytest.approx(0.01, abs=0.005)


def test_turned_answers_are_drift_though_no_feature_moved(world):
    assert world.measure(5)["concept"]["drifting"] is False
    found = world.measure(6, flipped=True)
    assert found["concept"]["drifting"] is True and found["ways"] == ["concept"] and found["drifted"] == []
    assert world.measure(7, flipped=True)["state"] == "confirmed"


def test_without_labels_of_its_own_a_sprint_has_no_errors(world):
    world.measure(5, flipped=True)
    sprint = world.put(6)
    world.labels[sprint] = world.labels[sprint].head(0)
    concept = measure_drift(world.runtime, sprint)["concept"]
    assert concept["drifting"] is None and "no labelled answer" in concept["why"]


def test_without_a_champion_there_is_nothing_to_compare_with(world):
    facts = measure_drift(world.runtime, "2013-S05")
    assert facts["state"] == "insufficient" and "there was no champion before 2013-S05" in facts["why"]
    assert facts["concept"] is None and facts["missing"] == {}


def test_what_is_ordinary_is_of_known_sprints_and_learned_once(world, monkeypatch):
    world.put(5, shift=3.0)
    runtime = world.runtime
    null = ordinary(runtime, world, reference_of(world), ROWS)
    assert null.sprints == runtime.calendar.keys[:5], (
        "what came after the training is to be judged, not to judge by"
    )
    monkeypatch.setattr("sprintline.monitoring.drift_statistics.learn", None)
    assert ordinary(runtime, world, reference_of(world), ROWS).as_dict() == null.as_dict()


@pytest.mark.fault
def test_a_restated_training_sprint_is_learned_from_anew(world):
    runtime = world.runtime
    before = ordinary(runtime, world, reference_of(world), ROWS)
    world.put(3, shift=1.0)
    after = ordinary(runtime, world, reference_of(world), ROWS)
    assert after.values["temp"].limit > 2 * before.values["temp"].limit
