"""How much of a fault the profiles of a source find, and how often one that is not there, in invented sources.

An invented source has groups of unequal size, weekdays, a slow season, days and sprints that differ by more than
sampling explains, a column with a heavy tail and one that changes slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from sprintline.profiles.limits import deviations, findings
from sprintline.profiles.statistics import statistics

DAYS, ROWS_A_DAY = 14, 120
GROUPS = {"alpha": 0.4, "beta": 0.3, "gamma": 0.2, "delta": 0.1}
HISTORIES = (4, 6, 12, 26)
FIRST = date(2024, 1, 1)
CAUGHT = 0.9
"""Share of planted faults that the published size is caught in."""

Plant = Callable[[pd.DataFrame, float, np.random.Generator], pd.DataFrame]


def days_of(sprint: int) -> list[str]:
    """The days of a sprint."""
    return [(FIRST + timedelta(days=DAYS * sprint + day)).isoformat() for day in range(DAYS)]


def rows(seed: int, sprint: int) -> pd.DataFrame:
    """The rows of an invented source in one sprint."""
    dice = np.random.default_rng([seed, sprint])
    world = np.random.default_rng(seed)
    shares = np.array(list(GROUPS.values())) * world.lognormal(0, 0.1, 4)
    levels, season = world.normal(0, 4, 4), 6 * np.sin(2 * np.pi * sprint / 26 + world.uniform(0, 6))
    of_sprint = season + dice.normal(0, 2)
    frames = []
    for day in days_of(sprint):
        weekend = 0.7 if date.fromisoformat(day).weekday() > 4 else 1.0
        n = dice.poisson(ROWS_A_DAY * weekend * dice.lognormal(0, 0.08))
        moved = shares * dice.lognormal(0, 0.1, 4)
        group = dice.choice(4, n, p=moved / moved.sum())
        delay = levels[group] + of_sprint + dice.normal(0, 3) + dice.lognormal(2, 0.9, n)
        frames.append(
            pd.DataFrame(
                {
                    "carrier": np.array(list(GROUPS), dtype=object)[group],
                    "delay": delay.round(),
                    "level": (20 + 0.5 * of_sprint + np.cumsum(dice.normal(0, 0.2, n))).round(2),
                    "event_at": pd.Timestamp(day, tz="UTC")
                    + pd.to_timedelta(np.sort(dice.integers(0, 1440, n)), unit="min"),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _unit(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    return frame.assign(
        delay=frame.delay.where(frame.carrier != "gamma", (frame.delay * size).clip(upper=2880))
    )


def _zero(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    hit = (frame.carrier == "gamma") & (dice.random(len(frame)) < size)
    return frame.assign(delay=frame.delay.where(~hit, 0.0))


def _day(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    day = frame.event_at.dt.date
    return frame[(day != sorted(day.unique())[5]) | (dice.random(len(frame)) >= size)]


def _fewer(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    return frame[dice.random(len(frame)) >= size]


def _low_cut(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    return frame[(frame.delay >= frame.delay.median()) | (dice.random(len(frame)) >= size)]


def _stuck(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    own = frame.index[frame.carrier == "beta"]
    return frame.assign(level=frame.level.where(~frame.index.isin(own[int(len(own) * (1 - size)) :]), 21.5))


def _nulls(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    hit = (frame.carrier == "gamma") & (dice.random(len(frame)) < size)
    return frame.assign(delay=frame.delay.mask(hit))


def _renamed(frame: pd.DataFrame, size: float, dice: np.random.Generator) -> pd.DataFrame:
    hit = dice.random(len(frame)) < size
    return frame.assign(carrier=frame.carrier.mask(hit, "omega"))


KINDS: Mapping[str, tuple[str, tuple[float, ...], Plant]] = {
    "one group's values in another unit": ("factor", (1.5, 2, 3, 5, 10, 60), _unit),
    "values of one group that are zero": ("share of them", (0.05, 0.1, 0.2, 0.4, 1.0), _zero),
    "rows of one day missing": ("share of them", (0.4, 0.6, 0.8, 1.0), _day),
    "rows missing on every day": ("share of them", (0.2, 0.3, 0.4, 0.5, 0.7), _fewer),
    "rows with low values missing": ("share of them", (0.2, 0.4, 0.6, 0.8, 1.0), _low_cut),
    "one group stuck at the end": ("share of its rows", (0.02, 0.05, 0.1, 0.2, 0.3), _stuck),
    "values of one group missing": ("share of them", (0.03, 0.05, 0.1, 0.2, 0.4), _nulls),
    "rows under a new group": ("share of all rows", (0.005, 0.01, 0.02, 0.05, 0.1), _renamed),
}
"""Planted kinds: the unit of their size, sizes from small to large, and what they do. `gamma` has a fifth of rows."""


def simulate(products: int, trials: int, seed: int = 1) -> dict[str, Any]:
    """Clean sprints with a finding, and the smallest size of each kind that is caught in `CAUGHT` of the trials.

    Args:
        products: invented sources, each judged in every sprint after the first four of 27.
        trials: planted faults of each kind, size and length of history.
    """
    false: dict[int, list[bool]] = {one: [] for one in HISTORIES}
    for product in range(products):
        profiles = _profiles(seed + product)
        for sprint in range(HISTORIES[0], len(profiles)):
            reach = max(one for one in HISTORIES if one <= sprint)
            false[reach].append(_found(profiles[sprint], profiles[:sprint]))
    cells = []
    for name, (unit, sizes, plant) in KINDS.items():
        for history in HISTORIES:
            cells.append(
                {
                    "kind": name,
                    "unit": unit,
                    "sprints": history,
                    "power": _power(plant, sizes, history, trials, seed),
                }
            )
    return {
        "products": products,
        "trials": trials,
        "seed": seed,
        "false": {str(one): [sum(found), len(found)] for one, found in false.items()},
        "cells": cells,
        "probes": probes(),
    }


def _power(plant: Plant, sizes: tuple[float, ...], history: int, trials: int, seed: int) -> list[list[float]]:
    caught = dict.fromkeys(sizes, 0)
    for trial in range(trials):
        source = seed + 1000 + trial
        before = _profiles(source, history)
        frame = rows(source, history)
        for size in sizes:
            dice = np.random.default_rng([trial, int(size * 1000)])
            caught[size] += _found(_profile(plant(frame, size, dice), history), before)
    return [[size, hits / trials] for size, hits in caught.items()]


_kept: dict[tuple[int, int], pd.DataFrame] = {}


def _profiles(seed: int, sprints: int = 27) -> list[pd.DataFrame]:
    """Profiles of the first sprints of a source, kept for the next kind that is planted in it."""
    for sprint in range(sprints):
        if (seed, sprint) not in _kept:
            _kept[seed, sprint] = _profile(rows(seed, sprint), sprint)
    return [_kept[seed, sprint] for sprint in range(sprints)]


def _profile(frame: pd.DataFrame, sprint: int) -> pd.DataFrame:
    return statistics(frame, days_of(sprint), "UTC")


def _found(now: pd.DataFrame, before: list[pd.DataFrame]) -> bool:
    past = pd.concat([one.assign(at=at) for at, one in enumerate(before)], ignore_index=True)
    return not findings(deviations(now, past)).empty


def smallest(cell: Mapping[str, Any]) -> float | None:
    """The smallest size from which all sizes are caught often enough; None where none is."""
    found = None
    for size, share in reversed(cell["power"]):
        if share < CAUGHT:
            break
        found = size
    return found


def probes() -> list[float]:
    """A few figures that change when statistics or limits are computed in another way."""
    before = pd.concat([one.assign(at=at) for at, one in enumerate(_profiles(7, 6))], ignore_index=True)
    return [round(float(one), 6) for one in deviations(_profile(rows(7, 6), 6), before).distance.head(5)]


MOST_FALSE = 0.02
"""Clean sprints with a finding, at most: twice what the limits are made for, since days of a source go together."""


def misses(result: Mapping[str, Any]) -> list[str]:
    """Where a simulation finds too much that is not there, beyond chance."""
    hits, judged = (sum(one[place] for one in result["false"].values()) for place in (0, 1))
    most = MOST_FALSE + 3 * (MOST_FALSE * (1 - MOST_FALSE) / max(judged, 1)) ** 0.5
    if judged and hits / judged > most:
        return [f"{hits} of {judged} clean sprints have a finding, at most {MOST_FALSE:.0%} are allowed"]
    return []
