"""Whether a usual sprint of a file has enough rows to judge a model, and what to type where it has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from sprintline.learning.backtest import PARTS
from sprintline.learning.enough import LEAST_OF_EITHER, NAIVE, POWER, SKILLED, days_for, power
from sprintline.learning.tasks import binary, multiclass, regression
from sprintline.mechanisms.declaration.types import LONGEST_SPRINT_DAYS

MOST_POOLED = 50
"""Sources that a file may be asked to have."""


@dataclass(frozen=True)
class Amount:
    """Rows of a file by sprint.

    days: of a sprint. rows: of a usual one. rarer: share of the rarer of two answers; None where answers are classes or
    numbers. file_days: from the file's first row to its last. rarest: share of the rarest class; None without classes.
    """

    days: int
    rows: int
    rarer: float | None
    file_days: int
    rarest: float | None = None

    @property
    def rarer_rows(self) -> float:
        """Rows of the rarer answer in a usual sprint; all where there are not two."""
        return self.rows * (1.0 if self.rarer is None else self.rarer)

    @property
    def rows_to_learn_from(self) -> int:
        """Rows of which each part of the backtest can be judged (ML409), as the task asks."""
        if self.rarest is not None:
            least = multiclass.LEAST / max(self.rarest, 1e-6)
        else:
            least = regression.LEAST if self.rarer is None else binary.LEAST / max(self.rarer, 1e-6)
        return ceil(PARTS * least)

    @property
    def sprints_to_learn_from(self) -> int:
        return ceil(self.rows_to_learn_from / max(1, self.rows))


def advice(amount: Amount) -> Iterator[str]:
    """Sentences about a file with few rows; none where a usual sprint has enough."""
    seen = _power(amount, amount.days)
    if seen >= POWER:
        return
    has = f"a usual sprint of {amount.days} days has {amount.rows} rows"
    if amount.rarer is not None:
        has += f", {int(amount.rarer_rows)} of the rarer answer"
    if amount.rarer is not None and amount.rarer_rows < LEAST_OF_EITHER:
        lacks = f"a candidate is judged with {LEAST_OF_EITHER} of either or more, so none would serve"
    else:
        lacks = (
            f"a close sees {seen:.0%} of {_worth(amount)} to be significantly better, and only what is seen to be "
            f"better serves"
        )
    yield f"{has}; {lacks}: {_way(amount)}{_pooled(amount)}"


def _pooled(amount: Amount) -> str:
    """How many sources of this size in one file are enough without longer sprints; empty where it takes very many."""
    for sources in range(2, MOST_POOLED + 1):
        if _power(replace(amount, rows=sources * amount.rows), amount.days) >= POWER:
            return (
                f"; or pool the rows of {sources} such sources (places, machines) in one file, with a column that "
                f"names each (--by), which is enough where they do not all rise and fall together"
            )
    return ""


def _power(amount: Amount, days: int) -> float:
    rows = amount.rows * days / amount.days
    if amount.rarer is not None and rows * amount.rarer < LEAST_OF_EITHER:
        return 0.0
    return power(rows, ceil(min(days, rows)), amount.rarer)


def _worth(amount: Amount) -> str:
    if amount.rarer is None:
        return "models with a quarter less error than the naive baseline"
    return f"models with a ROC-AUC of {SKILLED} (the naive baseline: {NAIVE})"


def _way(amount: Amount) -> str:
    """What to type: the shortest sprint with enough rows, of which the file has two after those learned from."""
    a_day = amount.rows / amount.days
    learned = ceil(amount.rows_to_learn_from / max(a_day, 1e-6))
    wanted = days_for(a_day, amount.rarer)
    fits = (amount.file_days - learned) // 2
    days = min(wanted or LONGEST_SPRINT_DAYS, fits, LONGEST_SPRINT_DAYS)
    if days > amount.days and _power(amount, days) > 0:
        return (
            f"make the product again with --length-days {days}, with which a close sees {_power(amount, days):.0%} of "
            f"{_worth(amount)} to be better; the first model learns from the {learned:,} days before"
        )
    if fits < amount.days:
        return (
            f"the file has {amount.file_days:,} days; a first model learns from {learned:,} of them and is judged on a "
            f"sprint after them: bring more history, or a --label that is true more often"
        )
    why = (
        "no sprint is longer"
        if amount.days >= LONGEST_SPRINT_DAYS
        else "longer ones leave too few days to learn from"
    )
    return f"{why}, so expect closes without a promotion"
