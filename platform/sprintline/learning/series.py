"""What anybody would forecast of a series: the last value that was known, and the last of the same hour of the week.

Hyndman and Athanasopoulos, Forecasting: Principles and Practice (2021), ch. 5.2: naive and seasonal naive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sprintline.base.time_zones import zone_of
from sprintline.learning.metric_functions import Floats

if TYPE_CHECKING:
    import pandas as pd

LAST, SEASONAL = "last value", "seasonal value"


def forecasts(
    asked: pd.DataFrame, known: pd.DataFrame, groups: Sequence[str], timezone: str, otherwise: Floats
) -> dict[str, Floats]:
    """The two forecasts of each question, of answers that were known before it was asked.

    Args:
        asked: `question_at`, `event_at` and the columns of the groups.
        known: answers with `known_at`, `event_at`, `label` and the columns of the groups.
        groups: columns whose values are a series each.
        timezone: in which hours and weekdays are those of a week.
        otherwise: (n), for a question that no such answer was known to.
    """
    return {
        name: _latest(
            asked, known, [_key(frame, groups, timezone, season) for frame in (asked, known)], otherwise
        )
        for name, season in ((LAST, False), (SEASONAL, True))
    }


def _key(frame: pd.DataFrame, groups: Sequence[str], timezone: str, season: bool) -> pd.Series:
    import pandas as pd

    parts = [frame[name].astype(object).where(frame[name].notna(), "").astype(str) for name in groups]
    if season:
        local = pd.to_datetime(frame["event_at"], utc=True).dt.tz_convert(zone_of(timezone))
        parts.append(local.dt.strftime("%w %H"))
    found = pd.Series("", index=frame.index)
    for part in parts:
        found = found + "\x1f" + part
    return found


def _latest(asked: pd.DataFrame, known: pd.DataFrame, keys: list[pd.Series], otherwise: Floats) -> Floats:
    import pandas as pd

    questions = pd.DataFrame(
        {"at": pd.to_datetime(asked["question_at"], utc=True), "key": keys[0], "place": np.arange(len(asked))}
    )
    answers = pd.DataFrame(
        {
            "at": pd.to_datetime(known["known_at"], utc=True),
            "event": pd.to_datetime(known["event_at"], utc=True),
            "key": keys[1],
            "label": known["label"].astype(float),
        }
    )
    # Of answers that came at one moment, that of the latest event is the last value.
    answers = answers.dropna().sort_values(["at", "event"], kind="stable").drop(columns="event")
    for frame in (questions, answers):
        frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    found = pd.merge_asof(
        # Before the question, not with it: where an answer is known as its question is asked, it would be its own.
        questions.sort_values("at", kind="stable"), answers, on="at", by="key", allow_exact_matches=False,
    )  # fmt: skip
    values = found.sort_values("place")["label"].to_numpy(dtype=float)
    return np.where(np.isnan(values), otherwise, values)
