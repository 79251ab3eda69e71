"""Drift: sure, large and lasting.

A window (one sprint) is compared with the reference, the rows its champion was trained on, by many statistics: a
distance for each feature's values and for its share of missing values, and one for the rank correlation of each pair of
numbers. A statistic is **far** when its distance is above the product's floor and above what is ordinary: every
distance that the reference's own sprints have from the rest of it, and the interval that these predict
(`drift_statistics.py`). It is **sure** when its test stays significant after correction for many tests (Benjamini and
Hochberg, 1995). A window drifts in one of three ways:

    many     a share of the features are far and sure: each a little outside of what is ordinary, together much;
    alone    one statistic is far and sure, and so far that a prediction interval from the ordinary distances leaves it
             out, again after correction for many tests;
    concept  the champion's errors grew beyond what its own probabilities lead to expect (`concept.py`).

Drift is confirmed while enough of the last windows drifted against the same reference (N of M). So it opens after N
drifting windows and closes after clean ones, and one clean window in between neither closes nor opens anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sprintline.base.words import counted_as
from sprintline.monitoring.drift_statistics import (
    JS_SCALE,
    LEAST_SPRINTS,
    Null,
    Spread,
    cohens_h,
    cohens_q,
)
from sprintline.monitoring.facts import DriftFacts
from sprintline.product.spec import DriftSpec

Kind = Literal["values", "missing", "correlations"]
KINDS: tuple[Kind, ...] = ("values", "missing", "correlations")


class Drift(StrEnum):
    """State of drift after a sprint; `insufficient` when the sprint could not be compared."""

    NONE = "none"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class Statistic:
    """One comparison of a window with the reference.

    distance: in the scale of standard deviations, see `drift_statistics.py`. p_value: of a two-sample test; 1 where
    none was made, which can only keep an alarm back. spread: what is ordinary.
    """

    kind: Kind
    name: str
    distance: float
    p_value: float
    spread: Spread

    def beyond(self, floor: float) -> float:
        """How many times farther than what counts; far is more than 1."""
        return self.distance / max(floor, self.spread.limit)


@dataclass(frozen=True)
class Window:
    """One sprint compared with the reference.

    drifting: None when there is too little to say. share: of features that moved, by value or missing share. ways: how
    it drifts (`many`, `alone`, `concept`). moved: the statistics that are far and sure, farthest first, and how many
    times farther than what counts. drifted: those by which it drifts; none of a window that does not.
    """

    drifting: bool | None
    share: float | None
    drifted: tuple[str, ...]
    why: str
    ways: tuple[str, ...] = ()
    moved: tuple[tuple[str, float], ...] = ()


def significant(p_values: Sequence[float], rate: float) -> list[bool]:
    """Which tests stay significant at a false discovery rate (Benjamini-Hochberg step-up), in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    passing = [rank for rank, place in enumerate(order, 1) if p_values[place] <= rate * rank / len(order)]
    last = max(passing, default=0)
    kept = set(order[:last])
    return [place in kept for place in range(len(p_values))]


def unlikely(statistics: Sequence[Statistic], sprints: int) -> list[float]:
    """For each, the chance that an ordinary sprint is as far, from `sprints` ordinary distances.

    The tail of the distribution whose interval is a statistic's limit (`drift_statistics.py`). The distance of equal
    samples is above zero, which makes the answer larger than it is: on the quiet side.
    """
    from scipy.stats import t

    distance = np.array([one.distance for one in statistics])
    scale = np.array([max(one.spread.scale, 1e-6) for one in statistics]) * np.sqrt(1 + 1 / sprints)
    return [float(chance) for chance in 2 * t.sf(distance / scale, sprints)]


def judge_window(
    statistics: Sequence[Statistic], rows: int, sprints: int, spec: DriftSpec, concept: str | None = None
) -> Window:
    """Whether one sprint drifted.

    rows: of the window. sprints: that the null was learned from. concept: what `concept.py` says when the errors
    grew, else None; it counts also where features cannot be compared.
    """
    reason = None
    if not statistics:
        reason = "the report holds no statistics"
    elif rows < spec.min_rows:
        reason = f"{rows:,} rows are too few to compare, {spec.min_rows:,} are required"
    elif sprints < LEAST_SPRINTS:
        reason = (
            f"the champion learned from {sprints} sprints; what is ordinary shows from {LEAST_SPRINTS} on"
        )
    if reason:
        return (
            Window(True, None, (), f"{concept}; {reason}", ("concept",))
            if concept
            else Window(None, None, (), reason)
        )
    moved = _moved(statistics, spec)
    alone = _alone(statistics, moved, sprints, spec)
    features = {one.name for one in statistics if one.kind == "values"}
    share = len({one.name for one in moved if one.kind != "correlations"}) / max(len(features), 1)
    ways = (
        *(("many",) if share >= spec.share else ()),
        *(("alone",) if alone else ()),
        *(("concept",) if concept else ()),
    )
    counted = [one for one in moved if one in alone or ("many" in ways and one.kind != "correlations")]
    return Window(
        bool(ways),
        round(share, 6),
        tuple(_told(one) for one in counted),
        _sentence(statistics, moved, alone, ways, share, sprints, spec, concept),
        ways,
        tuple((_told(one), round(one.beyond(spec.distance), 6)) for one in moved),
    )


def _sentence(
    statistics: Sequence[Statistic],
    moved: Sequence[Statistic],
    alone: Sequence[Statistic],
    ways: Sequence[str],
    share: float,
    sprints: int,
    spec: DriftSpec,
    concept: str | None,
) -> str:
    """Why a window drifts or does not: first what makes it drift, then what is ordinary."""
    features = len({one.name for one in statistics if one.kind == "values"})
    beyond = f"beyond what {sprints} sprints of training data show as ordinary"
    parts = []
    if "many" in ways:
        parts.append(f"{share:.0%} of {features} features moved {beyond} ({spec.share:.0%} count as drift)")
    if alone:
        more = f" and {len(alone) - 4} more" if len(alone) > 4 else ""
        parts.append(f"drifted on their own: {', '.join(_told(one) for one in alone[:4])}{more}")
    if concept:
        parts.append(concept)
    if "many" not in ways:
        count = len({one.name for one in moved if one.kind != "correlations"})
        parts.append(
            f"{count or 'none'} of {features} features moved {beyond}"
            + (f", {spec.share:.0%} together count as drift" if count else "")
        )
    if pairs := sum(one.kind == "correlations" and one not in alone for one in moved):
        parts.append(f"{counted_as(pairs, 'correlation')} moved, not far enough to count")
    farthest = max(statistics, key=lambda one: one.beyond(spec.distance))
    limit = max(spec.distance, farthest.spread.limit)
    return (
        f"{'; '.join(parts)}; farthest {_told(farthest)} at {farthest.distance:.2f} with {limit:.2f} ordinary"
    )


def _moved(statistics: Sequence[Statistic], spec: DriftSpec) -> list[Statistic]:
    """Far and sure, farthest first; each kind is corrected for its own number of tests."""
    found = []
    for kind in KINDS:
        ours = [one for one in statistics if one.kind == kind]
        sure = significant([one.p_value for one in ours], spec.significance)
        found += [
            one for one, is_sure in zip(ours, sure, strict=True) if is_sure and one.beyond(spec.distance) > 1
        ]
    return sorted(found, key=lambda one: -one.beyond(spec.distance))


def _alone(
    statistics: Sequence[Statistic], moved: Sequence[Statistic], sprints: int, spec: DriftSpec
) -> list[Statistic]:
    """Those of the moved ones that no ordinary sprint explains."""
    found: set[tuple[str, str]] = set()
    for kind in KINDS:
        ours = [one for one in statistics if one.kind == kind]
        kept = significant(unlikely(ours, sprints), spec.significance)
        found |= {(kind, one.name) for one, is_kept in zip(ours, kept, strict=True) if is_kept}
    return [one for one in moved if (one.kind, one.name) in found]


def _told(one: Statistic) -> str:
    return {"values": "", "missing": "missing ", "correlations": "correlation "}[one.kind] + one.name


def verdict(now: Window, before: Sequence[bool | None], spec: DriftSpec) -> tuple[Drift, str]:
    """The state after this window, given the windows before it (oldest first) against the same reference."""
    if now.drifting is None:
        return Drift.INSUFFICIENT, now.why
    recent = [*before, now.drifting][-spec.window :]
    count = drifting_of(now, before, spec)
    own = "" if now.drifting or not count else "this sprint by itself did not drift: "
    told = f"{own}{now.why}; {count} of the last {len(recent)} sprints drifted, {spec.confirm} of {spec.window} confirm"
    if count >= spec.confirm:
        return Drift.CONFIRMED, told
    return (Drift.SUSPECTED if now.drifting else Drift.NONE), told


def drifting_of(now: Window, before: Sequence[bool | None], spec: DriftSpec) -> int:
    """How many of the last windows drifted, this one among them."""
    return sum(one is True for one in [*before, now.drifting][-spec.window :])


def episode(
    now: tuple[str, DriftFacts], before: Sequence[tuple[str, DriftFacts]]
) -> tuple[str, str | None] | None:
    """First sprint of the episode of confirmed drift that reaches to `now`, and the reference of that sprint; None
    while drift is not confirmed.

    before: sprint and recorded facts of the sprints before, oldest first, without a gap. A sprint that could not be
    compared does not end an episode: no one saw it end. Nor does a new champion, when the same statistics are still
    confirmed to drift against its reference and no clean sprint lay between: its training did not cure them, and
    the same training again would not either.
    """
    sprint, facts = now
    if facts["state"] != Drift.CONFIRMED:
        return None
    first = sprint, facts["reference"]
    for key, earlier in reversed(before):
        if earlier["state"] == Drift.CONFIRMED:
            if earlier["reference"] != facts["reference"] and _what(earlier).isdisjoint(_what(facts)):
                break
            first = key, earlier["reference"]
        elif earlier["state"] == Drift.NONE:
            break
    return first


def _what(facts: DriftFacts) -> set[str]:
    # What moved, too: a sprint that did not drift by itself may be one of an episode.
    return {
        *facts.get("drifted", ()),
        *facts.get("moved", ()),
        *(way for way in facts.get("ways", ()) if way == "concept"),
    }


def fingerprint(product: str) -> str:
    """Fingerprint of a product's one item about drift, so that a relapse reopens what was closed."""
    return f"{product}:drift"


# --- from the saved report -------------------------------------------------------------------------------------------


def far_columns(report: Mapping[str, Any], null: Null, spec: DriftSpec) -> list[str]:
    """Features whose values are far: only these are worth a test, the others count as not tested."""
    return [
        name
        for name, distance in _distances(report).items()
        if name in null.values
        and Statistic("values", name, distance, 1.0, null.values[name]).beyond(spec.distance) > 1
    ]


def statistics_of(report: Mapping[str, Any], null: Null, spec: DriftSpec) -> list[Statistic]:
    """Statistics from a saved report, as `reports.py` keeps it.

    Distances, tests and missing shares are Evidently's; correlations stand beside them. Tests of shares and of
    correlations are the large-sample ones of Cohen's h and q, whose variances depend on the numbers of rows only.
    Raises KeyError when a far feature has no test: half a comparison judges nothing.
    """
    methods: dict[str, dict[str, Any]] = {}
    for metric in report["metrics"]:
        methods.setdefault(metric["config"]["method"], {})[metric["config"]["column"]] = metric["value"]
    tests = methods.get("ks", {}) | methods.get("chisquare", {})
    if untested := sorted(set(far_columns(report, null, spec)) - tests.keys()):
        raise KeyError(f"the report holds only half of what is needed for {', '.join(untested)}")
    now, was = report["compared_rows"], report["compared_reference_rows"]
    found = [
        Statistic("values", name, distance, float(tests.get(name, 1.0)), null.values[name])
        for name, distance in _distances(report).items()
        if name in null.values
    ]
    shares = missing_shares(report)
    h = {name: cohens_h(share, null.shares[name]) for name, share in shares.items()}
    chance = _two_sided(np.array(list(h.values())), np.sqrt(1 / now + 1 / was))
    found += [
        Statistic("missing", name, h[name], p, null.missing[name]) for name, p in zip(h, chance, strict=True)
    ]
    beside = report["correlations"]
    values = np.array([np.nan if one is None else one for one in beside["values"]], dtype=float)
    q = cohens_q(values, np.array([null.ranks.get(pair, np.nan) for pair in beside["pairs"]], dtype=float))
    # 1.06: the variance of Fisher's z of a rank correlation (Fieller, Hartley and Pearson, 1957).
    chance = _two_sided(q, np.sqrt(1.06 * (1 / max(now - 3, 1) + 1 / max(was - 3, 1))))
    found += [
        Statistic("correlations", pair, far, p, null.correlations[pair])
        for pair, far, p in zip(beside["pairs"], q.tolist(), chance, strict=True)
        if far == far and pair in null.correlations
    ]
    return found


def _two_sided(distances: NDArray[np.float64], noise: float) -> list[float]:
    from scipy.stats import norm

    return [float(p) for p in 2 * norm.sf(distances / noise)]


def missing_shares(report: Mapping[str, Any]) -> dict[str, float]:
    """Share of missing values of each feature in the window."""
    return {
        m["config"]["column"]: m["value"] for m in report["metrics"] if m["config"]["method"] == "missing"
    }


def _distances(report: Mapping[str, Any]) -> dict[str, float]:
    scale = {"wasserstein": 1.0, "jensenshannon": JS_SCALE}
    return {
        metric["config"]["column"]: float(metric["value"]) * scale[metric["config"]["method"]]
        for metric in report["metrics"]
        if metric["config"]["method"] in scale
    }
