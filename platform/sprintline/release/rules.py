"""Rules over predictions and models: questions are answered, what serves is what was trained, what rises is better.

Their evidence is `CandidateEvidence` (`release/facts.py`); missing pieces read `insufficient`. Where no candidate was
trained it is `trained`, which is False, and `why`: every rule says so and passes, there being nothing to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.base.words import counted_as, measure
from sprintline.learning.candidate import of_candidate
from sprintline.learning.enough import LEAST_DAYS, LEAST_OF_EITHER, longer_sprints
from sprintline.learning.facts import Difference
from sprintline.learning.metric_names import METRICS
from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed
from sprintline.release.ties import compared


def describe(interval: Difference, against: str) -> str:
    """An interval as people read it: `ROC-AUC +0.0123 against the champion (95 % interval +0.0050 to +0.0190)`."""
    name = METRICS[interval["metric"]].gain
    return (
        f"{name} {_signed(interval['difference'])} against {against} ({100 * interval.get('confidence', 0.95):.3g} % "
        f"interval {_signed(interval['low'])} to {_signed(interval['high'])})"
    )


def _signed(value: float | None) -> str:
    return "none" if value is None else measure(value, decimals=4, sign="+")


def _apart(evidence: Mapping[str, Any], _: Any) -> Judgement:
    judged, keys = need(evidence, "judged"), need(evidence, "keys_by_sprint")
    overlap, tuned = need(evidence, "judged_rows_in_snapshot"), need(evidence, "tuned_on")
    champions = need(evidence, "champion_keys_judged")
    if not keys:
        return insufficient("the snapshot holds no key", 0, 0)
    late = sorted(sprint for sprint in keys if sprint >= judged)
    if late or overlap:
        return failed(
            f"judged on {judged}, but {max(overlap, sum(keys[one] for one in late)):,} of its training rows are of "
            f"{', '.join(late) or judged}",
            overlap,
            0,
        )
    if tuned >= judged:
        return failed(f"judged on {judged}, but {tuned} decided when its training stopped", tuned, judged)
    if champions:
        return failed(
            f"the champion it is compared with was trained on {champions:,} rows of {judged}", champions, 0
        )
    return passed(
        f"judged on {judged}; trained on {sum(keys.values()):,} rows of {min(keys)} to {max(keys)}, stopped by "
        f"{tuned}: none of {judged}",
        0,
        0,
    )


def _usual_sources(evidence: Mapping[str, Any], _: Any) -> Judgement:
    by_sprint: dict[str, list[str] | None] = need(evidence, "profiles")
    judged = need(evidence, "judged")
    open_in = {sprint: found for sprint, found in sorted(by_sprint.items()) if found}
    if open_in:
        sprint, found = next(iter(open_in.items()))
        did = "judged on" if sprint == judged else "learned from"
        more = f"; and findings in {', '.join(list(open_in)[1:])}" if len(open_in) > 1 else ""
        return failed(f"{did} {sprint}, whose sources are not as usual: {found[0]}{more}", len(open_in), 0)
    if missing := sorted(sprint for sprint, found in by_sprint.items() if found is None):
        return insufficient(
            f"whether the sources of {', '.join(missing)} were as usual is not known: no profiles",
            len(missing),
            0,
        )
    return passed(
        f"no open finding about the sources of the {len(by_sprint)} sprints that it learned from and was judged on",
        0,
        0,
    )


def _better(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    if evidence.get("champion"):
        interval = need(evidence, "against_champion")
        if broken := _unusable(interval):
            return insufficient(f"the comparison with the champion is not usable: {broken}", threshold=margin)
        told = describe(interval, f"champion {evidence['champion']}")
        word = compared(interval, margin)
        if word == "better":
            return passed(f"{told}: better", interval["difference"], margin)
        return failed(
            f"{told}: {word}{', and ties hold' if word == 'a tie' else ''}{_longer(interval, margin)}",
            interval["difference"],
            margin,
        )
    return _beats_baselines(
        evidence, margin, "no champion yet, the bootstrap policy asks to beat the baselines: "
    )


def _beats_baselines(evidence: Mapping[str, Any], margin: Any, lead: str) -> Judgement:
    baselines = need(evidence, "baselines")
    if missing := [name for name in ("naive", "base rate") if name not in baselines]:
        return insufficient(
            f"no comparison with the {' and the '.join(missing)} was recorded", threshold=margin
        )
    if broken := [f"{name}: {_unusable(one)}" for name, one in baselines.items() if _unusable(one)]:
        return insufficient(f"a comparison is not usable: {'; '.join(broken)}", threshold=margin)
    told = "; ".join(
        f"{describe(one, f'the {name}')}{_longer(one, margin)}" for name, one in baselines.items()
    )
    least = min(one["low"] for one in baselines.values())
    better = all(compared(one, margin) == "better" for one in baselines.values())
    return (passed if better else failed)(f"{lead}{told}", least, margin)


def _longer(interval: Difference, margin: Any) -> str:
    """With how many times the rows a gain like this one would be sure; empty for one that is, and for no gain.

    The interval is as wide as one over the square root of its rows and days.
    """
    found, low = interval["difference"], interval["low"]
    if found is None or low is None or compared(interval, margin) == "better":
        return ""
    gain = found - margin * interval.get("scale", 1)
    times = ((found - low) / gain) ** 2 if gain > 0 else 0.0
    if not 1 < times <= MOST_TIMES:
        return ""
    return f" (a gain of this size would be sure of {times:.1f} times as many rows)"


MOST_TIMES = 26
"""A gain that would take more than so many sprints to show is a tie, whatever it is."""


def _overall(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    return _beats_baselines(evidence, margin, "")


def _slices(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    slices, against = need(evidence, "slices"), need(evidence, "slices_against")
    usable = {name: one for name, one in slices.items() if not _unusable(one)}
    if not usable:
        told = "no slice holds enough rows of both outcomes to be compared"
        return insufficient(f"{told}{_what_is_missing(evidence)}", 0, margin)
    worst = min(usable, key=lambda name: usable[name]["difference"])
    one = usable[worst]
    hurt = sorted(
        name
        for name, found in usable.items()
        if compared(found, 0) == "worse" and found["difference"] < -margin * found.get("scale", 1)
    )
    place = (
        f"of {len(usable)} slices {worst} is the worst slice"
        if len(usable) > 1
        else f"there is one slice, {worst}"
    )
    told = f"{place}: {describe(one, against)} on {one['rows']:,} rows"
    line = f"{margin:.3g} of its loss" if "scale" in one else f"{margin:g}"
    if hurt:
        return failed(
            f"{told}; significantly worse by more than {line}: {', '.join(hurt)}",
            one["difference"],
            -margin,
        )
    return passed(f"{told}; none is significantly worse by more than {line}", one["difference"], -margin)


def _what_is_missing(evidence: Mapping[str, Any]) -> str:
    """What the judged sprint lacks to be compared at all, and what to declare; empty for older records."""
    rarer, days = evidence.get("rarer_judged"), evidence.get("judged_days")
    lacking = []
    if rarer is not None and rarer < LEAST_OF_EITHER:
        lacking.append(
            (f"{rarer} of the rarer answer, {LEAST_OF_EITHER} are needed", LEAST_OF_EITHER / max(1, rarer))
        )
    if days is not None and days < LEAST_DAYS:
        lacking.append(
            (f"{counted_as(days, 'day')} with answers, {LEAST_DAYS} are needed", LEAST_DAYS / max(1, days))
        )
    if not lacking:
        return ""
    ways = longer_sprints(
        evidence.get("sprint_days"), evidence.get("sprint_after"), max(factor for _, factor in lacking)
    )
    rows = counted_as(need(evidence, "rows_judged"), "row")
    return (
        f": all {rows} of {need(evidence, 'judged')} have {' and '.join(said for said, _ in lacking)}; {ways}"
    )


def _unusable(interval: Mapping[str, Any]) -> str:
    """Why an interval cannot be judged, or an empty text."""
    if interval.get("why"):
        return str(interval["why"])
    values = [interval.get(name) for name in ("difference", "low", "high")]
    if any(value is None or value != value for value in values):
        return "its interval has no bounds"
    if interval.get("draws", 0) < 100:
        return f"only {interval.get('draws', 0)} bootstrap draws could be scored"
    return ""


BEATS_THE_CHAMPION = Rule(
    code="ML405",
    name="beats_the_champion",
    judges="candidate",
    gates=("promotion",),
    tracked=False,
    practice="4.7",
    severity=Severity.WARN,
    threshold=0.0,
    why="Every change of the champion costs trust and a chance of regression. A difference that "
    "chance explains is no reason for one, so ties hold.",
    remedy="nothing to fix: the champion stays until something is significantly better",
    judge=of_candidate(_better),
)

RULES = (
    Rule(
        code="ML403",
        name="judged_sprint_is_unseen",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.7",
        why="A model that saw the rows it is judged on, in training or while its training was stopped, "
        "looks good for a reason that ends on the day it serves.",
        remedy="leave the judged sprint out of training and tuning; train again",
        judge=of_candidate(_apart),
    ),
    BEATS_THE_CHAMPION,
    Rule(
        code="ML407",
        name="beats_the_baselines",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.7",
        severity=Severity.WARN,
        threshold=0.0,
        why="A model that a table of rates or the bare base rate matches costs more than it gives, and "
        "often means that its columns lost their meaning.",
        remedy="look for columns that lost their meaning; a model worse than a table of rates must not serve",
        judge=of_candidate(_overall),
    ),
    Rule(
        code="ML408",
        name="leaves_no_slice_worse",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.7",
        severity=Severity.WARN,
        threshold=0.01,
        why="An average can rise while one carrier or courier is served worse than before; the people "
        "there see only their slice.",
        remedy="see what is special about the slices named; add a feature for them or waive with a reason",
        judge=of_candidate(_slices),
    ),
    Rule(
        code="ML413",
        name="learned_from_usual_sources",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="1.5",
        severity=Severity.WARN,
        why="A source that is wrong within its bounds does not only spoil a sprint's predictions: a model that learns "
        "from it, or is judged on it, carries the mistake on.",
        remedy="see what DQ106 says of the sprint named: land the corrected file, or accept the finding with "
        "sprintline attest PRODUCT DQ106 --sprint SPRINT; without profiles, materialize PRODUCT/profiles for it",
        judge=of_candidate(_usual_sources),
    ),
)
