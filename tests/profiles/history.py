"""An invented sensor source with stations, sprint by sprint, for the tests of profiles."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from sprintline.profiles.statistics import statistics

STATIONS = {"north": 4.0, "south": 12.0, "east": 8.0}
FIRST = date(2026, 1, 5)
DAYS = 7


def days_of(sprint: int) -> list[str]:
    return [(FIRST + timedelta(days=DAYS * sprint + one)).isoformat() for one in range(DAYS)]


def rows(sprint: int, seed: int = 0) -> pd.DataFrame:
    """A value every half hour of each station, with a daily course, and noise."""
    dice = np.random.default_rng([seed, sprint])
    moments = pd.date_range(days_of(sprint)[0], periods=DAYS * 48, freq="30min", tz="UTC")
    frames = []
    for station, level in STATIONS.items():
        course = 3 * np.sin(np.arange(len(moments)) * 2 * np.pi / 48)
        value = level + dice.normal(0, 0.8) + course + dice.normal(0, 1, len(moments))
        frames.append(
            pd.DataFrame(
                {
                    "reading_id": [f"{station}{sprint}-{one}" for one in range(len(moments))],
                    "station": station,
                    "value": value.round(2),
                    "event_at": moments,
                    "known_at": moments,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def profile(frame: pd.DataFrame, sprint: int) -> pd.DataFrame:
    return statistics(frame, days_of(sprint), "UTC", ["reading_id"])


def before(sprint: int, seed: int = 0) -> pd.DataFrame:
    """Profiles of the sprints before one."""
    return pd.concat([profile(rows(at, seed), at).assign(at=at) for at in range(sprint)], ignore_index=True)
