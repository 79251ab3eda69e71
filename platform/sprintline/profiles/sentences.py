"""Findings in words: which source, column and group, on which days, and what was usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sprintline.profiles.facts import Finding
from sprintline.profiles.statistics import (
    DOUBLES,
    LEVEL,
    NULLS,
    RELATION,
    ROWS,
    RUN,
    SAME,
    SHARE,
    SPREAD,
    TOTAL,
    day_of,
    numbers_of,
)

if TYPE_CHECKING:
    import pandas as pd

Record = Mapping[Any, Any]
"""A row of `limits.deviations` with its source."""

MOST_FINDINGS = 12
"""Findings that are recorded; the others are counted with the one they go with."""


def told(
    found: pd.DataFrame,
    compared: pd.DataFrame,
    frames: dict[str, pd.DataFrame],
    timezone: Any,
    days: Sequence[str],
    notes: Mapping[tuple[str, str, str], str] | None = None,
) -> list[Finding]:
    """The findings, one for each source, column and group, the most improbable first.

    Args:
        found: rows of `limits.findings`, with `source`. compared: all deviations of the sprint, with `source`.
        frames: the rows that were profiled, by source. timezone, days: those of the sprint.
        notes: where a relation is violated, and rows are repeated, by source, measure and column.
    """
    listed: dict[tuple[str, ...], Finding] = {}
    for one in found.to_dict("records"):
        place = _place(one)
        if place in listed:
            listed[place]["also"] += 1
        elif len(listed) < MOST_FINDINGS:
            on = days_of(one, frames.get(one["source"]), timezone, days)
            listed[place] = {
                "source": one["source"],
                "measure": one["measure"],
                "column": one["column"],
                "by": one["by"],
                "group": one["group"],
                "days": on if 0 < len(on) < len(days) else [],
                "figure": float(one["figure"]),
                "expected": float(one["expected"]),
                "p": float(one["p"]),
                "also": 0,
                "sentence": sentence(one, on, days)
                + _merged(one, compared)
                + (notes or {}).get((one["source"], one["measure"], one["column"]), ""),
            }
        else:
            first = next(iter(listed.values()))
            first["also"] += 1
    return list(listed.values())


def _place(one: Record) -> tuple[str, ...]:
    """Findings with one place are one. A day without rows is found in every source's count of its own."""
    return (one["source"], one["column"], one["by"], one["group"], one["day"])


def sentence(one: Record, on: Sequence[str] = (), days: Sequence[str] = ()) -> str:
    """A deviation in a sentence."""
    where = f" of {one['by']} {one['group']}" if one["by"] else ""
    when = _when(on, days)
    figure, expected, n = one["figure"], one["expected"], int(one["n"])
    column = f"{one['source']}: {one['column']}{where}"
    texts = {
        ROWS: f"{one['source']}: {figure:,.0f} rows on {one['day']}, usually {expected:,.0f} on a "
        f"{_weekday(one['day'])}",
        TOTAL: f"{one['source']}: {figure:,.0f} rows a day, usually {expected:,.0f}",
        SHARE: f"{one['source']}: {one['by']} {one['group']} {_rows(figure, expected, n)}{when}",
        NULLS: f"{column} is empty in {figure:.1%} of {n:,} rows{when}, usually {expected:.1%}",
        SAME: f"{column} is one value in {figure:.1%} of {n:,} rows{when}, usually {expected:.1%}",
        RUN: f"{column} is one value in {figure:,.0f} rows in turn{when}, usually {expected:,.0f}",
        LEVEL: f"{column} has a mean of {figure:.4g}{when}, usually {expected:.4g}",
        SPREAD: f"{column} has a standard deviation of {figure:.4g}{when}, usually {expected:.4g}",
        DOUBLES: f"{one['source']}: {figure:.1%} of {n:,} rows equal another row in all columns but the key"
        f"{' and one more' if one['column'] else ''}, usually {expected:.1%}",
        RELATION: f"{figure:.1%} of {n:,} rows violate that {_relation(one)}, usually {expected:.1%}",
    }
    return texts[one["measure"]]


def _relation(one: Record) -> str:
    from sprintline.landing.declared_relations import Relation

    return Relation.of(one["column"]).sentence if one["measure"] == RELATION else ""


def _rows(figure: float, expected: float, n: int) -> str:
    if not figure:
        return f"has no rows, usually {expected:.2%} of all ({expected * n:,.0f})"
    if not expected:
        return f"has {figure:.2%} of {n:,} rows, and usually none"
    return f"has {figure:.2%} of {n:,} rows, usually {expected:.2%}"


def _merged(one: Record, compared: pd.DataFrame) -> str:
    """Of a group that is gone: the group that has its rows, when one grew by as much."""
    if one["measure"] != SHARE or one["figure"]:
        return ""
    others = compared[
        (compared.measure == SHARE) & (compared.source == one["source"]) & (compared.by == one["by"])
    ]
    grown = others.assign(grew=others.figure - others.expected).query("grew > 0")
    lost = one["expected"]
    same = grown[(grown.grew - lost).abs() <= 0.25 * lost].query("p < 0.05 or expected == 0")
    if same.empty:
        return ""
    best = same.sort_values("p").iloc[0]
    gained = "appeared with" if not best.expected else "grew by"
    return f"; {one['by']} {best.group} {gained} {best.grew:.2%}, so it may be the same under another name"


def _when(on: Sequence[str], days: Sequence[str]) -> str:
    if not on or len(on) == len(days):
        return " on every day" if on and len(days) > 1 else ""
    if len(on) == 1:
        return f" on {on[0]}"
    if list(on) == list(days)[-len(on) :]:
        return f" from {on[0]} on"
    return f" on {on[0]} and {len(on) - 1} more days" if len(on) > 2 else f" on {on[0]} and {on[1]}"


def _weekday(day: str) -> str:
    return date.fromisoformat(day).strftime("%A") if day else "day"


def days_of(one: Record, frame: pd.DataFrame | None, timezone: Any, days: Sequence[str]) -> list[str]:
    """Days of the sprint that show a deviation: those as far from what is usual as half of the farthest one is."""
    import numpy as np
    import pandas as pd

    if one["measure"] == ROWS:
        return [one["day"]]
    if frame is None or frame.empty or one["measure"] in (TOTAL, DOUBLES, RELATION):
        return []
    places = day_of(frame["event_at"], days[0], timezone)
    local = pd.Series([days[min(place, len(days) - 1)] for place in places], index=frame.index)
    inside = frame[one["by"]].astype(str) == one["group"] if one["by"] else pd.Series(True, index=frame.index)
    if one["measure"] == SHARE:
        by_day = inside.groupby(local).mean()
    else:
        column = numbers_of(frame, one["column"])[inside]
        local = local[inside]
        if column.empty:
            return []
        if one["measure"] == NULLS:
            by_day = column.isna().groupby(local).mean()
        elif one["measure"] in (SAME, RUN):
            numbers = column.dropna()
            value = _longest_run(frame, column) if one["measure"] == RUN else numbers.mode().iloc[0]
            by_day = (column == value).fillna(False).groupby(local).mean()
        else:
            numbers = column.astype("Float64")
            # Of a spread, how far the day's values are from the middle of all.
            wide = numbers if one["measure"] == LEVEL else (numbers - numbers.median()) ** 2
            by_day = wide.groupby(local).mean() ** (1 if one["measure"] == LEVEL else 0.5)
    known = by_day.dropna().astype(float)
    if known.empty:
        return []
    far = np.abs(known - one["expected"])
    same_side = np.sign(known - one["expected"]) == np.sign(one["figure"] - one["expected"])
    return (
        [str(day) for day in known.index[(far >= 0.5 * far[same_side].max()) & same_side]]
        if same_side.any()
        else []
    )


def _longest_run(frame: pd.DataFrame, column: pd.Series) -> Any:
    """The value that a column repeats most often in turn."""
    ordered = column.loc[frame.loc[column.index, "event_at"].sort_values(kind="stable").index].dropna()
    runs = (ordered != ordered.shift()).cumsum()
    return ordered[runs == runs.value_counts().idxmax()].iloc[0]
