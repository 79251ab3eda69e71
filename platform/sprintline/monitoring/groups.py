"""Groups of questions, and whether their residuals differ from zero beyond chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

MOST_LEVELS = 12
"""Values of a category that are looked at, the most frequent ones."""
PARTS = 5
"""Parts of equally many rows into which a number is cut."""
LEAST_DAYS = 5
"""Days that residuals go together by; of fewer, hours."""


@dataclass(frozen=True)
class Group:
    """Rows that have one thing in common, in words."""

    column: str
    name: str
    rows: Mask


def groups_of(
    frame: pd.DataFrame, name: str, category: bool, parts: int = PARTS, least: int = 1
) -> Iterator[Group]:
    """Rows with the same value of a category, the most frequent first; or parts of a number, ascending, then nulls."""
    import numpy as np

    from sprintline.learning.metrics import of_groups

    column = frame[name]
    missing = column.isna().to_numpy()
    if category:
        texts = column.astype(object).where(column.notna(), "").astype(str)
        for value, rows in texts.value_counts().head(MOST_LEVELS).items():
            if rows >= least:
                yield Group(name, str(value) or "(missing)", (texts == value).to_numpy())
        return
    values = column.to_numpy(dtype=float, na_value=np.nan)
    inside = np.flatnonzero(~missing)
    if not len(inside):
        return
    for one in of_groups(values[inside], parts):
        mask = np.zeros(len(frame), dtype=bool)
        mask[inside[one]] = True
        low, high = values[mask].min(), values[mask].max()
        if mask.sum() >= least:
            yield Group(name, f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}", mask)


def sure(rate: float, count: int) -> float:
    """Standard errors that a mean of `count` clusters has to be from zero so that chance does so at this rate."""
    from scipy.stats import t

    return float(t.ppf(1 - rate / 2, max(count - 1, 1)))


def least_gap(error: Any, blocks: Any, count: int, errors: float) -> float:
    """How far a mean of residuals is from zero at least, in their unit; below zero where it may be chance.

    What happens on one day goes together, so the standard error is that of a mean of clusters (Cochran, Sampling
    Techniques, 1977, ch. 9), and never less than that of single rows.

    Args:
        error: residuals (n,).
        blocks: the day of each (n,), as a number from 0.
        count: days there are.
        errors: standard errors that count as sure (`sure`).
    """
    import numpy as np

    mean, rows = float(error.mean()), len(error)
    alone = float(error.std(ddof=1)) / np.sqrt(rows) if rows > 1 else np.inf
    sums = np.bincount(blocks, error - mean, minlength=count)
    together = float(np.sqrt(count / max(count - 1, 1) * (sums**2).sum())) / rows
    return abs(mean) - errors * max(alone, together)


def days_of(frame: pd.DataFrame) -> tuple[Any, int]:
    """The day of each question as a number, and how many days there are; hours where there are only a few days."""
    import pandas as pd

    moments = pd.to_datetime(frame["question_at"], utc=True)
    days, found = pd.factorize(moments.dt.floor("D"))
    if len(found) < LEAST_DAYS:
        days, found = pd.factorize(moments.dt.floor("h"))
    return days, len(found)
