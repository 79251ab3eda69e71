"""Drift in its first form: sure, large and lasting.

A feature drifts in a window when its test is significant after correction for many tests (Benjamini and Hochberg, 1995)
and its distance from the reference is large. A window drifts when enough features do. Drift is confirmed when enough of
the last windows drifted against the same reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sprintline.core.declarations import DriftSpec


class Drift(StrEnum):
    """State of drift after a sprint; `insufficient` when the sprint could not be compared."""

    NONE = "none"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class FeatureStatistic:
    """What the saved report says of one feature.

    distance: normed Wasserstein distance (numbers; in standard deviations of the reference) or Jensen-Shannon distance
        (categories), 0 for equal distributions.
    p_value: of a two-sample test (Kolmogorov-Smirnov for numbers, chi-square for categories).
    """

    name: str
    distance: float
    p_value: float


@dataclass(frozen=True)
class Window:
    """One sprint held against the reference."""

    drifting: bool | None
    share: float | None
    drifted: tuple[str, ...]
    why: str


def significant(p_values: Sequence[float], rate: float) -> list[bool]:
    """Which tests stay significant at a false discovery rate (Benjamini-Hochberg step-up), in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    passing = [rank for rank, place in enumerate(order, 1) if p_values[place] <= rate * rank / len(order)]
    last = max(passing, default=0)
    kept = set(order[:last])
    return [place in kept for place in range(len(p_values))]


def judge_window(statistics: Sequence[FeatureStatistic], rows: int, spec: DriftSpec) -> Window:
    """Whether one sprint's features drifted; None when there is too little to say."""
    if not statistics:
        return Window(None, None, (), "the report holds no statistics")
    if rows < spec.min_rows:
        return Window(
            None, None, (), f"{rows:,} rows are too few to compare, {spec.min_rows:,} are asked for"
        )
    sure = significant([one.p_value for one in statistics], spec.significance)
    drifted = [
        one for one, is_sure in zip(statistics, sure, strict=True) if is_sure and one.distance > spec.distance
    ]
    share = len(drifted) / len(statistics)
    farthest = max(statistics, key=lambda one: one.distance)
    why = (
        f"{len(drifted)} of {len(statistics)} features ({share:.0%}; {spec.share:.0%} count as drift) are further than "
        f"{spec.distance:g} from the training data, furthest {farthest.name} at {farthest.distance:.2f}"
    )
    return Window(share >= spec.share, round(share, 6), tuple(one.name for one in drifted), why)


def verdict(now: Window, before: Sequence[bool | None], spec: DriftSpec) -> tuple[Drift, str]:
    """The state after this window, given the windows before it (oldest first) against the same reference."""
    if now.drifting is None:
        return Drift.INSUFFICIENT, now.why
    recent = [*before, now.drifting][-spec.window :]
    count = sum(one is True for one in recent)
    told = f"{now.why}; {count} of the last {len(recent)} sprints drifted, {spec.confirm} of {spec.window} confirm"
    if now.drifting and count >= spec.confirm:
        return Drift.CONFIRMED, told
    return (Drift.SUSPECTED if now.drifting else Drift.NONE), told


def statistics_of(report: Mapping[str, Any]) -> list[FeatureStatistic]:
    """Statistics per feature from a saved Evidently report, as `stores.reports` keeps it.

    Raises KeyError when a feature has a distance but no test, or the reverse: half a comparison judges nothing.
    """
    distances: dict[str, float] = {}
    tests: dict[str, float] = {}
    for metric in report["metrics"]:
        config = metric["config"]
        kind = distances if config["method"] in ("wasserstein", "jensenshannon") else tests
        kind[config["column"]] = float(metric["value"])
    if distances.keys() != tests.keys():
        odd = sorted(distances.keys() ^ tests.keys())
        raise KeyError(f"the report holds only half of what is needed for {', '.join(odd)}")
    return [FeatureStatistic(name, distance, tests[name]) for name, distance in sorted(distances.items())]
