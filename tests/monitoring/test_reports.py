"""Real Evidently reports of three columns: what shifted is seen, what did not is not; the saved file is what counts."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from sprintline.monitoring import drift_statistics
from sprintline.monitoring.drift import far_columns, judge_window, missing_shares, statistics_of
from sprintline.monitoring.reports import Reports, sampled, statistic_named
from sprintline.product.spec import DriftSpec

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


SPEC = DriftSpec()


@pytest.fixture(scope="module")
def null() -> drift_statistics.Null:
    """What five sprints of the same make show as ordinary."""
    sprints = [(f"S{seed}", _frame(seed)) for seed in range(10, 15)]
    reference = pd.concat([frame.assign(sprint=key) for key, frame in sprints])
    return drift_statistics.learn(reference, sprints, NUMBERS, CATEGORIES, ROWS, seed=0)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One report where nothing moved, one where all but wind did."""
    store = Reports(tmp_path_factory.mktemp("reports"), "flights")
    reference = _frame(1)
    store.drift("2013-S07", reference, _frame(2), NUMBERS, CATEGORIES, seed=0)
    store.drift("2013-S08", reference, _frame(3, 0.5, share_of_aa=0.7), NUMBERS, CATEGORIES, seed=0)
    return store


def _statistics(store: Reports, sprint: str, null: drift_statistics.Null) -> dict:
    return {(one.kind, one.name): one for one in statistics_of(store.load("drift", sprint), null, SPEC)}


def test_no_shift_is_not_seen(reports, null):
    found = _statistics(reports, "2013-S07", null)
    assert {name for kind, name in found if kind == "values"} == {"temp", "wind", "carrier"}
    assert all(one.distance < 0.15 and one.p_value > 0.001 for one in found.values()), found
    window = judge_window(list(found.values()), ROWS, 5, SPEC)
    assert window.drifting is False and window.drifted == ()


def test_a_shift_of_half_a_standard_deviation_is_seen(reports, null):
    found = _statistics(reports, "2013-S08", null)
    # Normed Wasserstein distance: a pure shift is as far as it is long, in standard deviations of the reference.
    assert found["values", "temp"].distance == pytest.approx(0.5, abs=0.1)
    assert found["values", "temp"].p_value < 1e-6
    assert found["values", "carrier"].distance > 0.2 and found["values", "carrier"].p_value < 1e-6
    assert found["values", "wind"].distance < 0.1 and found["values", "wind"].p_value > 0.01
    window = judge_window(list(found.values()), ROWS, 5, SPEC)
    assert window.drifting is True and set(window.drifted) == {"carrier", "temp"}


def test_the_figures_are_evidentlys_own_and_the_null_measures_alike(reports):
    """Ours cost a tenth because nothing is drawn; the value is that of Evidently's metric and the null's functions."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    methods = {"temp": "wasserstein", "wind": "ks", "carrier": "jensenshannon"}
    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=CATEGORIES)
    now, was = _frame(3, 0.5, share_of_aa=0.7), _frame(1)
    sides = [Dataset.from_pandas(side, definition) for side in (now, was)]
    metrics = [ValueDrift(column=name, method=method) for name, method in methods.items()]
    theirs = {m["config"]["column"]: m["value"] for m in Report(metrics).run(*sides).dict()["metrics"]}
    ours = {
        (m["config"]["column"], m["config"]["method"]): m["value"]
        for m in reports.load("drift", "2013-S08")["metrics"]
    }
    assert {name: ours[name, method] for name, method in methods.items()} == pytest.approx(theirs, rel=1e-9)
    temp = drift_statistics.wasserstein(*(np.sort(side["temp"].to_numpy()) for side in (now, was)))
    assert temp == pytest.approx(ours["temp", "wasserstein"], rel=1e-9)
    carrier = drift_statistics.jensen_shannon(now["carrier"], was["carrier"])
    assert carrier == pytest.approx(ours["carrier", "jensenshannon"], rel=1e-9)


def test_only_far_features_are_tested(tmp_path, null):
    store = Reports(tmp_path, "flights")
    now = _frame(3, 0.5)
    kept = store.drift(
        "2013-S08", _frame(1), now, NUMBERS, CATEGORIES, 0, far=lambda report: far_columns(report, null, SPEC)
    )
    tested = {m["config"]["column"] for m in kept["metrics"] if m["config"]["method"] in ("ks", "chisquare")}
    assert tested == {"temp"}
    found = _statistics(store, "2013-S08", null)
    assert found["values", "temp"].p_value < 1e-6 and found["values", "wind"].p_value == 1


def test_missing_values_are_a_figure_of_their_own(tmp_path, null):
    gone = _frame(2)
    gone.loc[: ROWS // 2, "wind"] = None
    gone["carrier"] = None
    store = Reports(tmp_path, "flights")
    shares = missing_shares(store.drift("2013-S07", _frame(1), gone, NUMBERS, CATEGORIES, seed=0))
    assert shares == {"temp": 0.0, "wind": pytest.approx(0.5, abs=0.01), "carrier": 1.0}
    found = _statistics(store, "2013-S07", null)
    assert found["missing", "wind"].distance == pytest.approx(np.pi / 2, abs=0.01)
    # A column that came empty has no values to compare, and is seen all the same.
    window = judge_window(list(found.values()), ROWS, 5, SPEC)
    assert window.drifting is True and {"missing wind", "missing carrier"} <= set(window.drifted)
    assert ("values", "carrier") not in found


def test_a_page_is_made_when_asked_for_and_goes_with_its_report(tmp_path):
    store = Reports(tmp_path, "flights")
    store.drift("2013-S08", _frame(1), _frame(3, 0.5), NUMBERS, CATEGORIES, seed=0)
    assert not store.page("drift", "2013-S08").exists()
    sides = _frame(1), _frame(3, 0.5)
    place = store.draw("2013-S08", *sides, ["temp"], [], seed=0, limits={"temp": 0.3})
    assert place == store.page("drift", "2013-S08")
    text = place.read_text()
    assert text.lstrip().startswith("<!DOCTYPE html>") and "temp" in text
    # Evidently's own metric draws: the figures of `drift`, made before in this process, did not take that from it.
    assert plots(text) >= 1 and "Data drift detected" in text
    calm = store.draw("2013-S08", *sides, ["temp"], [], seed=0, limits={"temp": 0.9}).read_text()
    assert "Data drift not detected" in calm, "Evidently's word follows the limit that the verdict used"
    assert not re.search(r"""<(?:script|link)[^>]+(?:src|href)=["']?https?:""", text), (
        "it reads nothing from elsewhere"
    )
    store.drift("2013-S08", _frame(1), _frame(2), NUMBERS, CATEGORIES, seed=0)
    assert not place.exists(), "a page of what was measured before would lie"


def plots(page: str) -> int:
    """Drawings on one of Evidently's pages."""
    return page.count('"type": "big_graph"')


def test_each_statistic_that_drifted_is_drawn(tmp_path):
    store, now = Reports(tmp_path, "flights"), _frame(3)
    now["temp"] = now["wind"] * 3
    now.loc[: ROWS // 2, "carrier"] = None
    drifted = ["correlation temp × wind", "missing carrier"]
    store.drift("2013-S08", _frame(1), now, NUMBERS, CATEGORIES, seed=0)
    text = store.draw("2013-S08", _frame(1), now, drifted, CATEGORIES, seed=0).read_text()
    assert re.search(
        r"correlation temp .+ wind: [+-]0\.\d\d in the training data, \+1\.00 in this sprint", text
    )
    assert re.search(r"missing carrier: 0\.0% in the training data, 50\.\d% in this sprint", text)
    assert plots(text) == 2
    assert store.draw("2013-S08", _frame(1), now, [], CATEGORIES, seed=0) is None, (
        "errors alone have no feature"
    )


def test_a_statistic_is_known_by_its_name():
    features = ["wind", "wind speed", "a × b", "c"]
    assert statistic_named("wind speed", features) == ("values", "wind speed")
    assert statistic_named("missing wind speed", features) == ("missing", "wind speed")
    assert statistic_named("correlation a × b × c", features) == ("correlations", "a × b", "c")
    with pytest.raises(ValueError, match="no statistic"):
        statistic_named("correlation c × d", features)


def test_what_is_ordinary_is_learned_once(tmp_path, null):
    store, learned = Reports(tmp_path, "flights"), []

    def learn() -> drift_statistics.Null:
        learned.append(1)
        return null

    first, second = store.null("key", learn), store.null("key", learn)
    assert first == second and first.as_dict() == null.as_dict() and learned == [1]


def test_a_sample_is_the_same_for_the_same_seed():
    frame = _frame(1)
    assert len(sampled(frame, 3, 100)) == 100 and sampled(frame, 3, 100).equals(sampled(frame, 3, 100))
    assert sampled(frame, 3) is frame


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


def test_a_column_without_any_value_has_no_distance(tmp_path):
    empty = _frame(2).assign(wind=float("nan"))
    kept = Reports(tmp_path, "flights").drift("2013-S07", _frame(1), empty, NUMBERS, [], seed=0)
    compared = [m["config"]["column"] for m in kept["metrics"] if m["config"]["method"] != "missing"]
    assert compared == ["temp", "temp"]
