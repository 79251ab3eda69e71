"""Rules over feature views and over the features a question was answered with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed


def _created(evidence: Mapping[str, Any], _: Any) -> Judgement:
    rows, late = need(evidence, "rows"), need(evidence, "rows_created_after_event")
    sentence = f"{late:,} of {rows:,} feature rows use data that became known after their moment"
    return (failed if late else passed)(sentence, late, 0)


def _answered(evidence: Mapping[str, Any], _: Any) -> Judgement:
    asked, answered = need(evidence, "questions"), need(evidence, "rows")
    distinct = need(evidence, "distinct_questions")
    sentence = f"{answered:,} rows of features answer {distinct:,} of {asked:,} questions"
    return (passed if asked == answered == distinct and asked > 0 else failed)(sentence, answered, asked)


def _coverage(evidence: Mapping[str, Any], least: Any) -> Judgement:
    share = need(evidence, "coverage_by_view")
    worst = min(share, key=share.get)
    sentence = f"least covered is {worst}: {share[worst]:.1%} of the questions have its features; required: {least:.0%}"
    return (passed if share[worst] >= least else failed)(sentence, round(share[worst], 4), least)


def _online(evidence: Mapping[str, Any], _: Any) -> Judgement:
    checked, unequal = need(evidence, "keys_compared"), need(evidence, "keys_unequal")
    missing, extra = evidence.get("keys_missing") or 0, evidence.get("keys_extra") or 0
    if not checked and not extra:
        return failed("there was no key to compare", 0, 1)
    parts = [f"{unequal:,} of {checked:,} keys have different values online and offline"]
    if missing:
        parts.insert(0, f"{missing:,} of {checked:,} keys are missing online")
    if extra:
        parts.append(f"{extra:,} keys online are in no offline row")
    if why := evidence.get("filled"):
        parts.append(f"the store was filled again from all sprints ({why})")
    wrong = missing + unequal + extra
    return (failed if wrong else passed)("; ".join(parts), wrong, 0)


def _rebuilt(evidence: Mapping[str, Any], _: Any) -> Judgement:
    found = need(evidence, "rebuilt")
    if why := found.get("why"):
        return insufficient(why)
    tables, moment = dict(found["tables"]), found["moment"][:16].replace("T", " ")
    if empty := sorted(
        name for name, one in tables.items() if name.startswith("answers") and not one["rows"]
    ):
        return insufficient(f"nothing of {', '.join(empty)} could be compared at {moment}", 0, 1)
    lost = found.get("not_rebuilt", 0)
    undeclared = lost and not found["known_when_asked"]
    if undeclared:
        tables.pop(found["questions"])
    rows, unequal = (sum(one[what] for one in tables.values()) for what in ("rows", "unequal"))
    wrong = {name: one for name, one in tables.items() if one["unequal"]}
    if wrong:
        name, one = max(wrong.items(), key=lambda found: found[1]["unequal"])
        columns = f" in {', '.join(one['columns'])}" if one["columns"] else ""
        causes = f" of {', '.join(found['caused_by'])}" if found.get("caused_by") else ""
        return failed(
            f"recomputed from what was known at {moment}, {one['unequal']:,} of {one['rows']:,} rows of {name} "
            f"differ{columns}: they used later data{causes} ({one['first']})",
            unequal,
            0,
        )
    if undeclared:
        return insufficient(
            f"{lost:,} questions asked by {moment} cannot be recomputed: no contract says which columns of their rows "
            "are known when the question is asked (`knownAt: question`), or they are selected by something known later",
            lost,
            0,
        )
    hidden = len(found.get("scrambled", ()))
    late = f" with {hidden} columns scrambled that were known later" if hidden else ""
    return passed(f"recomputed from what was known at {moment}{late}, all {rows:,} rows are identical", 0, 0)


RULES = (
    Rule(
        code="FT301",
        name="uses_only_past_data",
        judges="feature_view",
        practice="4.6",
        why="A feature that uses data from after its moment makes every offline metric better than what serving can "
        "reach, and no other check shows it before the model is live.",
        remedy="restrict the view's SQL to rows known by event_timestamp",
        judge=_created,
    ),
    Rule(
        code="FT302",
        name="answers_every_question_once",
        judges="question_features",
        practice="5.6",
        why="A duplicate key in a join gives a question two rows, a missing one gives it none. Both go unnoticed "
        "through training and cause wrong counts in the scores.",
        remedy="look for duplicate or missing keys in the questions mart",
        judge=_answered,
    ),
    Rule(
        code="FT303",
        name="covers_the_questions",
        judges="question_features",
        practice="1.5",
        severity=Severity.WARN,
        threshold=0.9,
        why="A question without features is answered with what the model learned about nulls. A few are "
        "usual; many mean that keys changed, a feed ended or a view's lookback is too short.",
        remedy="see which keys have no feature row; increase the view's lookback or its time to live",
        judge=_coverage,
    ),
    Rule(
        code="FT304",
        name="online_equals_offline",
        judges="online_features",
        practice="5.6",
        why="The model learned from the offline values and serves from the online ones. Where they differ, "
        "it predicts from values on which it was never evaluated; a key that is missing is answered with nothing.",
        remedy="materialize online_features for the newest closed sprint: it fills the store again from all sprints",
        judge=_online,
    ),
    Rule(
        code="FT305",
        name="rebuilds_without_the_future",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.6",
        why="A feature can have a correct timestamp and still use later data, also a column of the question's own row. "
        "Recomputed at a question's moment, with all values not known by then scrambled, it must be identical.",
        remedy="find the inputs of the named columns: join and filter by known_at, never by when something happened; "
        "declare in the contract (knownAt) which columns are known when the question is asked",
        judge=_rebuilt,
    ),
)
