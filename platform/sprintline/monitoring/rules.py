"""Rules over what is watched after a sprint: whether its answers came, whether the champion is any good, and drift of
features and of errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.base.words import counted_as, measure
from sprintline.learning.facts import Difference
from sprintline.learning.metric_names import METRICS
from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed
from sprintline.monitoring.facts import ConceptFacts, MissingShare, SameNumber


def _drift(evidence: Mapping[str, Any], _: Any) -> Judgement:
    state, why = need(evidence, "state"), need(evidence, "why")
    count = evidence.get("drifting_sprints")
    if state == "insufficient":
        return insufficient(why, count)
    return (failed if state == "confirmed" else passed)(f"drift is {state}: {why}", count)


def _suspected(evidence: Mapping[str, Any], _: Any) -> Judgement:
    state, why = need(evidence, "state"), need(evidence, "why")
    count = evidence.get("drifting_sprints")
    if state == "insufficient":
        return insufficient(why, count)
    if state == "suspected":
        return failed(f"drift is suspected, of this sprint alone: {why}", count)
    return passed(f"drift is {state}, not only suspected: {why}", count)


def _concept(evidence: Mapping[str, Any], _: Any) -> Judgement:
    concept: ConceptFacts = need(evidence, "concept")
    drifting, why = concept["drifting"], concept["why"]
    if drifting is None:
        return insufficient(why, concept["effect"])
    return (failed if drifting else passed)(why, concept["effect"])


def _missing(evidence: Mapping[str, Any], _: Any) -> Judgement:
    missing: dict[str, MissingShare] = need(evidence, "missing")
    if not missing:
        return insufficient("no share of missing values was measured")
    moved = {name: one for name, one in missing.items() if one["moved"]}
    if not moved:
        return passed(f"{len(missing)} features miss about as many values as in the training data", 0)
    worst = sorted(moved, key=lambda name: -abs(moved[name]["share"] - moved[name]["ordinary"]))
    told = [
        f"{name} {moved[name]['share']:.1%} instead of {moved[name]['ordinary']:.1%}" for name in worst[:4]
    ]
    more = f" and {len(worst) - 4} more" if len(worst) > 4 else ""
    return failed(
        f"{len(moved)} of {len(missing)} features miss more or fewer values than any sprint of the training data: "
        f"{', '.join(told)}{more}",
        len(moved),
    )


def _answers_came(evidence: Mapping[str, Any], line: Any) -> Judgement:
    questions, answered = need(evidence, "questions"), need(evidence, "answered")
    if not questions:
        return insufficient("the sprint asked no question", 0, line)
    share = answered / questions
    told = f"{answered:,} of {questions:,} questions have an outcome ({share:.1%})"
    if share < line:
        return failed(f"{told}, required: {line:.0%}", share, line)
    return passed(told, share, line)


LEAST_PREDICTIONS = 10
"""Fewer predictions may be one number by chance."""

NO_MODEL = "no model answered the questions of this sprint, so 0 predictions are judged"
"""Not a missing figure: that no model answered is what ML401 says."""


def _vary(evidence: Mapping[str, Any], most: Any) -> Judgement:
    if not need(evidence, "served"):
        return passed(NO_MODEL, None, most)
    same: SameNumber = need(evidence, "answers")["same"]
    rows, number, share = same["rows"], same["number"], same["share"]
    if rows < LEAST_PREDICTIONS or number is None or share is None:
        return insufficient(f"{rows} predictions are too few to see whether they vary", None, most)
    told = (
        f"all {rows:,} predictions are {number:.4g}"
        if share == 1
        else f"{share:.1%} of {rows:,} predictions, and of what they expect, are {number:.4g} or nearly so"
    )
    if share >= most:
        return failed(f"{told}: the model does not tell one question from another", share, most)
    return passed(f"{told}; one number for {most:.0%} counts as no answer", share, most)


def _not_worse(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    if not need(evidence, "served"):
        return passed(NO_MODEL, None, margin)
    gains: list[Difference] = need(evidence, "answers")["against_naive"]
    usable = [one for one in gains if one["high"] is not None and one["high"] == one["high"]]
    if lack := next((one["why"] for one in gains if one.get("why")), None):
        return insufficient(f"the champion cannot be compared with the naive baseline: {lack}", None, margin)
    if not gains or len(usable) < len(gains) or min(one["draws"] for one in gains) < LEAST_DRAWS:
        return insufficient("the comparison with the naive baseline has no usable interval", None, margin)
    told = "; ".join(described(one) for one in gains)
    least = min(one["difference"] for one in gains if one["difference"] is not None)
    if worse := [METRICS[one["metric"]].title for one in usable if _worse(one, margin)]:
        return failed(f"worse than the naive baseline by {' and '.join(worse)}: {told}", least, -margin)
    return passed(f"not significantly worse than the naive baseline: {told}", least, -margin)


LEAST_DRAWS = 100
"""Fewer bootstrap draws that could be scored show no interval."""


def _worse(gain: Difference, margin: float) -> bool:
    return (gain["high"] or 0) < -margin * gain.get("scale", 1)


def _signed(value: float | None) -> str:
    return "none" if value is None else measure(value, decimals=4, sign="+")


def described(gain: Difference) -> str:
    """A gain as people read it: `ROC-AUC +0.0123 (97.5 % interval +0.0050 to +0.0190)`."""
    return (
        f"{METRICS[gain['metric']].title} {_signed(gain['difference'])} ({100 * gain.get('confidence', 0.95):.3g} % "
        f"interval {_signed(gain['low'])} to {_signed(gain['high'])})"
    )


def _holds_up(evidence: Mapping[str, Any], line: Any) -> Judgement:
    if not need(evidence, "served"):
        return passed(NO_MODEL, 0, line)
    before, champion = need(evidence, "weak_before"), need(evidence, "champion")
    weak: list[str] | None = evidence.get("weak")
    if weak is None:
        return insufficient("whether the champion was weak in this sprint cannot be judged", None, line)
    if not weak:
        return passed(f"champion {champion} was not weak in this sprint", 0, line)
    count = len(before) + 1
    told = "; ".join(weak)
    if count < line:
        return passed(
            f"champion {champion} was weak in {counted_as(count, 'sprint')}, {line:g} in a row count: {told}",
            count,
            line,
        )
    return failed(
        f"champion {champion} was weak in {counted_as(count, 'sprint')} in a row up to this one: {told}",
        count,
        line,
    )


PREDICTIONS_VARY = Rule(
    code="MO505",
    name="predictions_vary",
    judges="scores",
    practice="6.2",
    severity=Severity.WARN,
    threshold=0.95,
    why="A model that gives every question the same number answers none, and every check on its files and inputs may "
    "pass: an export that broke, inputs that came empty, a training that learned only the rate.",
    remedy="see whether the inputs of this sprint came empty (MO503) and whether the release answers as when it was "
    "judged (`sprintline reproduce`); two such sprints in a row train a new candidate",
    judge=_vary,
)

NOT_WORSE_THAN_NAIVE = Rule(
    code="MO506",
    name="is_not_worse_than_naive",
    judges="scores",
    tracked=False,
    practice="6.2",
    severity=Severity.WARN,
    threshold=0.0,
    why="A champion is compared with the naive baseline when it is promoted. If the baseline is better "
    "afterwards, on outcomes that are known, the model costs more than it gives.",
    remedy="compare the sprint with those before in `sprintline status`; look at drift and at the inputs; two such "
    "sprints in a row open an item and train a new candidate",
    judge=_not_worse,
)

WEAK_IN_A_ROW = Rule(
    code="MO507",
    name="champion_holds_up",
    judges="scores",
    gates=(),
    practice="6.2",
    severity=Severity.WARN,
    threshold=2,
    why="One weak sprint may be an odd fortnight. A champion whose predictions do not vary, or that the naive baseline "
    "beats, sprint after sprint has to be replaced, and a person has to know.",
    remedy="read what MO505 and MO506 say of the sprints named; a candidate is trained once for the row, and if it was "
    "held, see why in `sprintline status SPRINT`",
    judge=_holds_up,
)

RULES = (
    Rule(
        code="MO501",
        name="looks_like_the_training_data",
        judges="drift",
        gates=(),
        practice="3.5",
        severity=Severity.WARN,
        why="A model answers for the kind of data it was trained on. When the questions become others, "
        "its figures of before no longer say how good it is.",
        remedy="the retraining sensor answers confirmed drift; look at the features named and at their sources",
        judge=_drift,
    ),
    Rule(
        code="MO508",
        name="nothing_is_suspected",
        judges="drift",
        gates=(),
        practice="3.5",
        severity=Severity.WARN,
        why="One sprint that drifts by itself is no drift yet, and MO501 passes. It may be the first of several, or a "
        "source that is wrong, and somebody should look before the next one confirms it.",
        remedy="look at the statistics that drifted and at their sources; nothing has to be done when the next sprint "
        "is as before: the item is closed then",
        judge=_suspected,
    ),
    Rule(
        code="MO502",
        name="errors_are_those_expected",
        judges="drift",
        gates=(),
        tracked=False,
        practice="6.2",
        severity=Severity.WARN,
        why="Features can stay the same while outcomes change. Only the errors on known "
        "outcomes show it; a comparison of features cannot.",
        remedy="the answers changed, not only the questions: ask what changed in the world, then train on newer labels",
        judge=_concept,
    ),
    Rule(
        code="MO503",
        name="missing_rates_match_training",
        judges="drift",
        gates=(),
        tracked=False,
        practice="6.2",
        severity=Severity.WARN,
        why="A column that comes empty is often a broken feed. The model answers all the same, with what "
        "it learned about nulls.",
        remedy="look at the source of the features named: a column that came empty, a join that found nothing",
        judge=_missing,
    ),
    Rule(
        code="MO504",
        name="answers_came",
        judges="scores",
        practice="6.2",
        severity=Severity.WARN,
        threshold=0.5,
        why="A sprint without outcomes cannot be scored or trained on, and looks calm: no error "
        "shows where no outcome is known. A feed of outcomes that lands empty says so in no other place.",
        remedy="see why the outcomes mart holds no answer for them; where answers take longer than a sprint, lower the "
        "threshold in the product's rules and materialize scores again once they came",
        judge=_answers_came,
    ),
    PREDICTIONS_VARY,
    NOT_WORSE_THAN_NAIVE,
    WEAK_IN_A_ROW,
)
