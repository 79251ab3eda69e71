"""Real Evidently reports of three columns: what shifted is seen, what did not is not; the saved file is what counts."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from sprintline.core.declarations import DriftSpec
from sprintline.core.drift import judge_window, statistics_of
from sprintline.stores.reports import Reports

ROWS = 1500
NUMBERS, CATEGORIES = ["temp", "wind"], ["carrier"]


def _frame(seed: int, shift: float = 0.0, share_of_aa: float = 0.4) -> pd.DataFrame:
    """temp moves by `shift` of its standard deviations; wind and carrier stay, unless another share is asked for."""
    random = np.random.default_rng(seed)
    other = (1 - share_of_aa) / 2
    return pd.DataFrame(
        {
            "temp": random.normal(10 + 4 * shift, 4, ROWS),
            "wind": random.gamma(3, 2, ROWS),
            "carrier": random.choice(["AA", "UA", "B6"], ROWS, p=[share_of_aa, other, other]),
        }
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One report where nothing moved, one where all but wind did."""
    store = Reports(tmp_path_factory.mktemp("reports"), "flights")
    reference = _frame(1)
    store.drift("2013-S07", reference, _frame(2), NUMBERS, CATEGORIES, seed=0)
    store.drift("2013-S08", reference, _frame(3, 0.5, share_of_aa=0.7), NUMBERS, CATEGORIES, seed=0)
    return store


def _statistics(store: Reports, sprint: str) -> dict:
    return {one.name: one for one in statistics_of(store.load("drift", sprint))}


def test_no_shift_is_not_seen(reports):
    found = _statistics(reports, "2013-S07")
    assert set(found) == {"temp", "wind", "carrier"}
    assert all(one.distance < 0.1 and one.p_value > 0.01 for one in found.values()), found
    window = judge_window(list(found.values()), ROWS, DriftSpec())
    assert window.drifting is False and window.drifted == ()


def test_a_shift_of_half_a_standard_deviation_is_seen(reports):
    found = _statistics(reports, "2013-S08")
    # Normed Wasserstein distance: a pure shift is as far as it is long, in standard deviations of the reference.
    assert found["temp"].distance == pytest.approx(0.5, abs=0.1)
    assert found["temp"].p_value < 1e-6
    assert found["carrier"].distance > 0.1 and found["carrier"].p_value < 1e-6
    assert found["wind"].distance < 0.1 and found["wind"].p_value > 0.01
    window = judge_window(list(found.values()), ROWS, DriftSpec())
    assert window.drifting is True and window.drifted == ("carrier", "temp")


def test_the_saved_report_is_what_is_read(reports, tmp_path):
    store = Reports(tmp_path, "flights")
    returned = store.drift("2013-S09", _frame(1), _frame(4), ["temp"], [], seed=0)
    place = store.path("drift", "2013-S09")
    assert place == tmp_path / "flights" / "drift" / "2013-S09.json"
    assert json.loads(place.read_text()) == returned == store.load("drift", "2013-S09")
    assert (returned["sprint"], returned["rows"], returned["reference_rows"]) == ("2013-S09", ROWS, ROWS)
    assert all(math.isfinite(metric["value"]) for metric in returned["metrics"])
    assert [one.name for one in place.parent.iterdir()] == [place.name], (
        "nothing half-written is left beside it"
    )
    returned["metrics"][0]["value"] = 0.25
    place.write_text(json.dumps(returned))
    assert store.load("drift", "2013-S09")["metrics"][0]["value"] == 0.25


def test_the_same_data_give_the_same_report(reports, tmp_path):
    again = Reports(tmp_path, "flights").drift("2013-S07", _frame(1), _frame(2), NUMBERS, CATEGORIES, seed=0)
    assert again == reports.load("drift", "2013-S07")


@pytest.mark.fault
def test_a_report_that_was_never_made_is_told(reports):
    with pytest.raises(FileNotFoundError, match="2013-S01"):
        reports.load("drift", "2013-S01")


def test_a_column_without_any_value_is_left_out(tmp_path):
    empty = _frame(2).assign(wind=float("nan"))
    kept = Reports(tmp_path, "flights").drift("2013-S07", _frame(1), empty, NUMBERS, [], seed=0)
    assert {metric["config"]["column"] for metric in kept["metrics"]} == {"temp"}
