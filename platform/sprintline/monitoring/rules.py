"""Rules over what is watched after a sprint: whether its answers came, and drift of features and of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed
from sprintline.monitoring.facts import ConceptFacts, MissingShare


def _drift(evidence: Mapping[str, Any], _: Any) -> Judgement:
    state, why = need(evidence, "state"), need(evidence, "why")
    count = evidence.get("drifting_sprints")
    if state == "insufficient":
        return insufficient(why, count)
    return (failed if state == "confirmed" else passed)(f"drift is {state}: {why}", count)


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
)
