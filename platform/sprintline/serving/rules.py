"""Rules over issued predictions: every question of a sprint is answered once, by the champion before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed


def _answers(evidence: Mapping[str, Any], _: Any) -> Judgement:
    questions, before = need(evidence, "questions"), evidence.get("live")
    if before is None and not need(evidence, "issued"):
        return insufficient(
            f"there was no champion before this sprint, so none of its {questions:,} questions was answered",
            0,
            questions,
        )
    champion, rows = need(evidence, "champion"), need(evidence, "rows")
    distinct, empty = need(evidence, "distinct_questions"), need(evidence, "without_probability")
    if champion != before:
        return failed(
            f"model {champion} answered, but the champion before was {before or 'none'}",
            champion,
            before,
        )
    if not questions == rows == distinct or empty:
        return failed(
            f"{questions:,} questions, {rows:,} predictions for {distinct:,} of them, {empty:,} without a "
            f"usable value",
            rows,
            questions,
        )
    return passed(f"champion {champion} answered each of the {questions:,} questions once", rows, questions)


RULES = (
    Rule(
        code="ML401",
        name="champion_answers_every_question_once",
        judges="predictions",
        practice="4.7",
        severity=Severity.WARN,
        why="Scores and drift are computed from the issued predictions. If some are missing, duplicated "
        "or made by another model than the champion, the champion's record is "
        "wrong.",
        remedy="materialize predictions for this sprint again; see that the sprint before it has a decision",
        judge=_answers,
    ),
)
