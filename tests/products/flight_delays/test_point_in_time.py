"""Proof on the real year: features made of a lake cut off at t, or scrambled after t, are equal bit for bit up to t."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd
import pytest

from sprintline.base.settings import ROOT, Home
from sprintline.features.marts import restricted_query
from sprintline.features.store import FeatureStore
from sprintline.lake.tables import Lake
from sprintline.landing.assets import with_moments
from sprintline.landing.odcs import Contracts
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import rows_of
from sprintline.warehouse.dbt import Warehouse

pytestmark = pytest.mark.slow

#: The last holds the night on which clocks went forward, 10 March.
SPRINTS = ("2013-S03", "2013-S04", "2013-S05")
JUDGED = SPRINTS[-1]
SCRAMBLED = {
    "departures": ["dep_delay"],
    "arrivals": ["arr_delay"],
    "weather": ["temp", "humid", "precip", "pressure", "visib"],
}


def landed(runtime: Runtime) -> dict[tuple[str, str], pd.DataFrame]:
    """The lake's content of the three sprints, made by the product's own functions."""
    found = {}
    for sprint in SPRINTS:
        provided = runtime.sources.provide(runtime.window(sprint))
        for source, frame in provided.items():
            found[source, sprint] = with_moments(runtime, source, frame)
    return found


def features(runtime: Runtime, name: str, tables: dict[tuple[str, str], pd.DataFrame], tmp_path) -> Runtime:
    """Lake, dbt and feature views of the three sprints in a state folder of their own."""
    here = replace(runtime, home=Home(tmp_path / name))
    for (source, sprint), frame in tables.items():
        here[Lake].write(here.table(source), sprint, frame, sort_by=list(here[Contracts][source].key))
    here[FeatureStore].apply()
    query = partial(restricted_query, here.home.warehouse_file(here.product))
    for place, sprint in enumerate(SPRINTS):
        assert here[Warehouse].build(sprint).ok
        for view in here.spec.features.views:
            frame = here[FeatureStore].compute(
                view, here.window(sprint), SPRINTS[max(0, place - 2) : place], query
            )
            here[FeatureStore].write(view, here.window(sprint), frame)
    return here


def cut(frame: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    return frame[frame["known_at"] <= moment].reset_index(drop=True)


def scramble(
    source: str, frame: pd.DataFrame, moment: pd.Timestamp, random: np.random.Generator
) -> pd.DataFrame:
    """Other values in every row that became known after the moment; still known after it."""
    after = (frame["known_at"] > moment).to_numpy()
    out = frame.copy()
    # Added to, not replaced: who left and who arrived stays, so that both feeds still agree and every dbt test holds.
    for column in SCRAMBLED[source]:
        noise = random.integers(1, 90, after.sum())
        changed = out[column].to_numpy(dtype="float64", na_value=np.nan)
        changed[after] += noise if source != "weather" else noise / 100
        out[column] = pd.Series(changed, index=out.index).astype(frame[column].dtype)
    return out


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    from sprintline.product.runtime import load_runtime

    folder = tmp_path_factory.mktemp("rebuilt")
    runtime = load_runtime(ROOT / "platform" / "products" / "flight_delays", Home(folder / "none"))
    window = runtime.window(JUDGED)
    moment = pd.Timestamp(window.start + timedelta(days=6, hours=19, minutes=40))
    tables = landed(runtime)
    random = np.random.default_rng(20130310)
    return moment, {
        "whole": features(runtime, "whole", tables, folder),
        "cut": features(runtime, "cut", {key: cut(frame, moment) for key, frame in tables.items()}, folder),
        "scrambled": features(
            runtime,
            "scrambled",
            {key: scramble(key[0], frame, moment, random) for key, frame in tables.items()},
            folder,
        ),
    }


@pytest.mark.parametrize("other", ["cut", "scrambled"])
def test_every_feature_row_up_to_the_moment_is_equal_bit_for_bit(rebuilt, other):
    moment, made = rebuilt
    for view in made["whole"].spec.features.views:
        rows = {}
        for name in ("whole", other):
            frame = made[name][Lake].read(f"flight_delays/{view}", list(SPRINTS))
            frame = frame[frame["event_timestamp"] <= moment]
            keys = [*made[name][FeatureStore].declared().keys(view), "event_timestamp"]
            rows[name] = frame.sort_values(keys, ignore_index=True)
        assert len(rows["whole"]) > 300, view
        pd.testing.assert_frame_equal(rows["whole"], rows[other], check_exact=True, obj=view)


@pytest.mark.parametrize("other", ["cut", "scrambled"])
def test_every_question_up_to_the_moment_is_answered_with_equal_features(rebuilt, other):
    moment, made = rebuilt
    questions = rows_of(made["whole"][Warehouse], "questions", JUDGED)
    questions = questions[questions["question_at"] <= moment].reset_index(drop=True)
    assert len(questions) > 4_000
    service = made["whole"].spec.features.service
    answers = [made[name][FeatureStore].historical(questions, service) for name in ("whole", other)]
    pd.testing.assert_frame_equal(*answers, check_exact=True)


def test_the_scrambling_does_change_what_comes_after(rebuilt):
    """Otherwise the proof above could not fail."""
    moment, made = rebuilt
    changed = []
    for view in made["whole"].spec.features.views:
        whole, other = (
            made[name][Lake].read(f"flight_delays/{view}", [JUDGED]) for name in ("whole", "scrambled")
        )
        after = whole["event_timestamp"] > moment + timedelta(hours=6)
        changed.append(not whole[after].equals(other[other["event_timestamp"] > moment + timedelta(hours=6)]))
    assert sum(changed) >= 4
