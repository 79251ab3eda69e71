"""What moved in a sprint is drawn: the farthest features with their values before and now, hidden ones never."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from tests.measured_facts import facts

from sprintline.learning.recipes import Inputs
from sprintline.mechanisms.reports.document import Curves, Document, Ranking
from sprintline.monitoring.moved import document, farthest, moved

INPUTS = Inputs(("temp", "wind"), ("carrier",))


def drifted(**changed: Any) -> Any:
    return facts(
        "drift",
        reference="m1",
        distances={"temp": 0.6, "wind": 0.1, "carrier": 0.02},
        limits={"temp": 0.2, "wind": 0.2, "carrier": 0.2},
        moved={"temp": 3.0, "missing wind": 2.0, "correlation temp × wind": 1.5},
        missing={"wind": {"share": 0.4, "ordinary": 0.01, "moved": True}},
        **changed,
    )


def rows(shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "temp": draw.normal(10 + shift, 4, 800),
            "wind": draw.gamma(3, 2, 800),
            "carrier": draw.choice(["AA", "UA"], 800, p=[0.2 + shift / 20, 0.8 - shift / 20]),
        }
    )


def test_the_farthest_features_are_drawn_before_and_now():
    assert farthest(drifted()) == ["temp"]
    assert farthest({**drifted(), "distances": {"temp": 0.1, "wind": 0.15}}) == ["wind"], "none is beyond"
    found = document(drifted(), ["temp", "carrier"], rows(), rows(8.0), INPUTS)
    (section,) = found.sections
    text, values, others, missing, temp, carrier = section.parts
    assert (
        text.text.startswith("The values of 1 of 3 features") and "and 2 correlations and shares" in text.text
    )
    assert (
        isinstance(values, Ranking)
        and values.names[0] == "temp"
        and values.line == (1.0, "ordinary up to here")
    )
    assert others.names == ("missing wind", "correlation temp × wind")
    assert missing.series == {"training data": (0.01,), "this sprint": (0.4,)}
    assert isinstance(temp, Curves) and abs(sum(temp.series["this sprint"]) - 1) < 1e-9
    centre = {of: float(np.dot(temp.places, shares)) for of, shares in temp.series.items()}
    assert centre["this sprint"] - centre["training data"] > 6
    assert (
        set(carrier.names) == {"AA", "UA"}
        and carrier.series["this sprint"][0] != carrier.series["training data"][0]
    )
    assert Document.from_dict(json.loads(json.dumps(found.as_dict()))).sections == found.sections


def test_a_feature_of_one_value_and_an_empty_one_are_not_drawn():
    same = rows().assign(temp=1.0, wind=np.nan)
    (section,) = document(drifted(), ["temp", "wind"], same, same, INPUTS).sections
    assert len(section.parts) == 4


def test_without_a_champion_there_is_nothing_to_draw(flights):
    assert moved(flights, "2013-S01", facts("drift", reference=None)) is None
