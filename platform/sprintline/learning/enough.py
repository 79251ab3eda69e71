"""How much is enough: rows that a judgement needs, computed from the statistic that makes it.

No limit here is a round number of rows. What a part of a backtest needs is asked of the task; what a candidate's sprint
needs follows from the width of the interval by which it is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from sprintline.mechanisms.declaration.types import LONGEST_SPRINT_DAYS

if TYPE_CHECKING:
    from sprintline.learning.metric_functions import Floats

LEAST_OF_EITHER = 10
"""Answers of either kind without which two models are not compared on a slice, or on a whole sprint as one slice.

From so many on, false gains of one question a day are as rare as of sprints with many (the page of the interval, "One
question a day"); fewer are not simulated and not compared.
"""

LEAST_DAYS = 5
"""Days, or hours of a shorter sprint, without which nothing is resampled (`metrics.LEAST_BLOCKS`)."""

POWER = 0.8
"""Share of closes in which a candidate that deserves it is to be promoted (Cohen, 1988)."""

SKILLED, NAIVE, TOGETHER = 0.75, 0.625, 0.5
"""A model worth having: ROC-AUC of half the way from chance to perfect, that of a naive baseline half as skilled, and
the correlation of the two on the same rows (Hanley & McNeil, 1983)."""

LESS_ERROR = 0.25
"""A regression worth having does away with a quarter of the naive baseline's absolute error. The difference of the two
errors varies from row to row by about that error itself, as the half-normal errors of two models do that share half of
their variance."""

MOST_TRAIN_SPRINTS = 520
"""The largest `train_sprints` that can be declared."""

_MOST = 1_000_000


def rows_for(enough: Callable[[Floats], bool], answers: Floats) -> int | None:
    """The fewest rows, mixed as these answers are, of which there is enough evidence; None when no number is enough.

    enough: a task's own test. It holds for all larger numbers, but for the order in which answers come.
    """
    import numpy as np

    if not len(answers):
        return None
    mixed = np.random.default_rng(0).permutation(answers)
    high = 1
    while not enough(np.resize(mixed, high)):
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(np.resize(mixed, middle)) else (middle, high)
    return high


def power(rows: float, days: int, rarer: float | None = None) -> float:
    """Share of closes in which a model worth having is seen to beat the naive baseline.

    rows: of the sprint, on so many days. rarer: share of the rarer answer; None where the answer is a number. The
    quantile is Student's, as in the interval itself (decision 81); days without memory are assumed.
    """
    from scipy.special import stdtrit

    if days < 2 or rows < 2 or (rarer is not None and rows * rarer < 1):
        return 0.0
    gain, error = _gain_and_error(rows, rarer)
    return NormalDist().cdf(gain / error - float(stdtrit(days - 1, 0.975)))


def days_for(rows_a_day: float, rarer: float | None = None) -> int | None:
    """Days of the shortest sprint that can be judged and has the `POWER`; None when none of a year has.

    rows_a_day: usual rows of a day. rarer: as for `power`.
    """
    for days in range(LEAST_DAYS, LONGEST_SPRINT_DAYS + 1):
        rows = rows_a_day * days
        blocks = ceil(min(days, rows))
        if (rarer is None or rows * rarer >= LEAST_OF_EITHER) and power(rows, blocks, rarer) >= POWER:
            return days
    return None


def _gain_and_error(rows: float, rarer: float | None) -> tuple[float, float]:
    """What a model worth having gains over the naive baseline, and the standard error of that gain."""
    from sprintline.learning.tasks.binary import standard_error

    if rarer is None:
        return LESS_ERROR, 1 / sqrt(rows)
    few, many = max(1, int(rows * rarer)), max(1, int(rows * (1 - rarer)))
    new, old = standard_error(SKILLED, few, many), standard_error(NAIVE, few, many)
    return SKILLED - NAIVE, sqrt(new**2 + old**2 - 2 * TOGETHER * new * old)


# --- what to declare, in words ---------------------------------------------------------------------------------------


def learn_from_more(learned_from: int, declared: int | None, factor: float) -> str:
    """What gives a backtest so many times the rows that it had: more sprints to learn from, as a line of defs.yaml.

    learned_from: sprints that were there; declared: `train_sprints`; None in older records.
    """
    needed = ceil(learned_from * factor)
    if needed > MOST_TRAIN_SPRINTS:
        return f"no more than {MOST_TRAIN_SPRINTS} sprints can be learned from: let sprints be longer as well"
    if declared is not None and needed <= declared:
        return (
            f"{needed} sprints will have them, which `train_sprints: {declared}` takes in: nothing to change but to "
            f"wait for {needed - learned_from} more"
        )
    return f"some {needed} sprints have them: write `train_sprints: {needed}` under model in defs.yaml"


def longer_sprints(days: int | None, since: str | None, factor: float) -> str:
    """What gives a sprint so many times the rows that it had: longer sprints from the next on, as a line of defs.yaml.

    days: that the sprint had; since: the key of the next; None for what is not known.
    """
    if not days or not since:
        return "let sprints be longer (calendar.length_days_from in defs.yaml)"
    needed = ceil(days * factor)
    if needed > LONGEST_SPRINT_DAYS:
        return (
            f"even a sprint of {LONGEST_SPRINT_DAYS} days would not have them: the answer is too rare for one row at a "
            f"time; ask about more, or about something that happens more often"
        )
    return f"write `length_days_from: {{{since}: {needed}}}` under calendar in defs.yaml"
