"""The year of flights against its own history: no sprint has a finding, and what was green before is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from tests.products.flight_delays.year import CONTRACTS, RUNTIME, YEAR, Frames, landed

from sprintline.profiles.limits import LEAST_SPRINTS, deviations, findings
from sprintline.profiles.measured_relations import add_relations
from sprintline.profiles.profile import days_of_sprint, measured
from sprintline.profiles.sentences import told

SOURCES = 4
"""Departures, arrivals, weather; and the answers, which have a part of the false rate too, but need a warehouse."""
ON_TRIAL = YEAR[15]
ZONE = RUNTIME.calendar.timezone


def profiles_of(
    sprint: str, frames: Frames
) -> tuple[dict[str, pd.DataFrame], dict[tuple[str, str, str], str]]:
    days = days_of_sprint(RUNTIME, sprint)
    found = {name: measured(RUNTIME, name, frame, days) for name, frame in frames.items()}
    notes = add_relations(found, frames, CONTRACTS, ())
    return found, notes


@cache
def clean(sprint: str) -> dict[str, pd.DataFrame]:
    return profiles_of(sprint, landed(sprint))[0]


def found_in(sprint: str, now: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The findings of a sprint, and all that was compared."""
    before = YEAR[: YEAR.index(sprint)]
    compared, found = [], []
    for name, profile in now.items():
        past = pd.concat([clean(key)[name].assign(at=at) for at, key in enumerate(before)], ignore_index=True)
        compared.append(deviations(profile, past).assign(source=name))
        found.append(findings(compared[-1], SOURCES))
    return pd.concat(found, ignore_index=True), pd.concat(compared, ignore_index=True)


@pytest.mark.slow
def test_the_year_has_no_finding():
    wrong = {}
    for sprint in YEAR[LEAST_SPRINTS:]:
        found, compared = found_in(sprint, clean(sprint))
        assert len(compared) > 3500, sprint
        if len(found):
            wrong[sprint] = found[
                ["source", "measure", "column", "by", "group", "figure", "expected", "p"]
            ].to_dict("records")
    assert not wrong


def _times(factor: float) -> Callable[[Frames], None]:
    def change(frames: Frames) -> None:
        for source, column in (("departures", "dep_delay"), ("arrivals", "arr_delay")):
            own = frames[source]["carrier"] == "UA"
            delays = frames[source][column].astype("Float64")
            frames[source][column] = delays.mask(own, (delays * factor).round().clip(-120, 2880))

    return change


def _zero(frames: Frames) -> None:
    frames["arrivals"].loc[frames["arrivals"]["carrier"] == "B6", "arr_delay"] = 0


def _no_day(*sources: str) -> Callable[[Frames], None]:
    def change(frames: Frames) -> None:
        for source in sources:
            day = frames[source]["event_at"].dt.tz_convert(ZONE).dt.date
            frames[source] = frames[source][day != sorted(day.unique())[5]]

    return change


def _stuck(column: str, share: float) -> Callable[[Frames], None]:
    def change(frames: Frames) -> None:
        weather = frames["weather"].sort_values("event_at", ignore_index=True)
        own = weather.index[weather["origin"] == "JFK"]
        weather.loc[own[int(len(own) * (1 - share)) :], column] = weather[column].median()
        frames["weather"] = weather

    return change


def _merged(frames: Frames) -> None:
    for source in ("departures", "arrivals"):
        frames[source]["carrier"] = frames[source]["carrier"].replace("FL", "DL")


def _renamed(frames: Frames) -> None:
    frames["arrivals"]["dest"] = frames["arrivals"]["dest"].replace("ATL", "ATK")


def _early_cut(frames: Frames) -> None:
    dice = np.random.default_rng(1)
    arrivals = frames["arrivals"]
    early = (arrivals["arr_delay"].fillna(0) < 0).to_numpy() & (dice.random(len(arrivals)) < 0.6)
    frames["arrivals"] = arrivals[~early]


def _no_outcomes(share: float, carrier: str | None) -> Callable[[Frames], None]:
    def change(frames: Frames) -> None:
        dice = np.random.default_rng(2)
        arrivals = frames["arrivals"]
        hit = dice.random(len(arrivals)) < share
        if carrier:
            hit &= (arrivals["carrier"] == carrier).to_numpy()
        arrivals["arr_delay"] = arrivals["arr_delay"].mask(hit)

    return change


def _doubled(frames: Frames) -> None:
    again = frames["departures"].iloc[::33].copy()
    again["flight"] = again["flight"] + 9
    frames["departures"] = pd.concat([frames["departures"], again], ignore_index=True)


PLANTED: dict[str, tuple[Callable[[Frames], None], str]] = {
    "one carrier's delays in seconds": (_times(60), "carrier UA"),
    "one carrier's delays in hours": (_times(1 / 60), "carrier UA"),
    "all delays of a carrier zero": (_zero, "carrier B6"),
    "a day missing": (_no_day("departures", "arrivals", "weather"), "0 rows on 2013-08-04"),
    "a day missing in one source": (_no_day("weather"), "weather: 0 rows on 2013-08-04"),
    "the last third of a sensor stuck": (_stuck("temp", 0.3), "temp of origin JFK"),
    "one station stuck throughout": (_stuck("pressure", 1.0), "pressure of origin JFK"),
    "a carrier merged into another": (_merged, "carrier FL has no rows"),
    "an airport renamed in one source": (_renamed, "dest ATL"),
    "early rows cut": (_early_cut, "arrivals"),
    "two outcomes in five missing": (_no_outcomes(0.4, None), "arr_delay"),
    "one carrier's outcomes missing": (_no_outcomes(1, "UA"), "carrier UA"),
    "three rows in a hundred doubled": (_doubled, "rows equal another row in all columns but the key"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_green_before_is_found(kind: str):
    plant, names = PLANTED[kind]
    frames = {name: frame.copy() for name, frame in landed(ON_TRIAL).items()}
    plant(frames)
    now, notes = profiles_of(ON_TRIAL, frames)
    found, compared = found_in(ON_TRIAL, now)
    listed = told(found, compared, frames, ZONE, days_of_sprint(RUNTIME, ON_TRIAL), notes)
    said = "\n".join(one["sentence"] for one in listed)
    assert names in said, said
