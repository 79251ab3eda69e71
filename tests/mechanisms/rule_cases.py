"""For every rule outside the family of models: evidence that passes, changes that fail, and what is too little."""

from dataclasses import dataclass, field
from typing import Any

from sprintline.warehouse.rules import DBT_TEST_CODES


@dataclass(frozen=True)
class Case:
    """What a rule needs to pass, and changes of it that fail, each with words its sentence must hold.

    optional: pieces whose absence is no lack of evidence; thin: changes that leave too little to judge.
    """

    sound: dict[str, Any]
    faults: list[tuple[dict[str, Any], str]]
    optional: tuple[str, ...] = ()
    thin: list[dict[str, Any]] = field(default_factory=list)


def _ran(status: str = "pass", **more: Any) -> dict[str, Any]:
    return {"name": "unique_questions_question_id", "status": status, **more}


def _dbt() -> Case:
    faults = [
        (
            {"tests": [_ran(), _ran("fail", failures=1200)]},
            "1 of 2 tests fail: unique_questions_question_id: 1,200 rows",
        ),
        ({"tests": [_ran("error", message="no such column")]}, "no such column"),
        # A test that dbt left out holds nothing; neither does one that only warned.
        ({"tests": [_ran("skipped")]}, "skipped"),
        ({"tests": [_ran("warn", failures=2)]}, "2 rows"),
        ({"tests": [_ran("fail", failures=1)] * 5}, "and 2 more"),
    ]
    return Case({"tests": [_ran(), _ran()]}, faults, thin=[{"tests": []}])


def _rebuilt(**changes: dict[str, Any]) -> dict[str, Any]:
    sound = {"rows": 300, "unequal": 0, "columns": [], "first": ""}
    names = ("courier_delays", "answers from courier_delays", "questions")
    return {
        "moment": "2026-01-23T10:25:00",
        "tables": {name: sound | changes.pop(name, {}) for name in names},
        "questions": "questions",
        "not_rebuilt": 0,
        "known_when_asked": {"orders": ["order_id"]},
        "scrambled": ["orders.minutes"],
        **changes,
    }


def _ranks(area: float | None, **importance: float) -> dict[str, Any]:
    metrics = {"roc_auc": area}
    return {"by_model": {"candidate": metrics}, "importance": importance, "judged": "2026-S03"}


def _origins(*areas: float | None) -> dict[str, Any]:
    origins = [
        {"at": f"2026-02-0{day}T00:00:00Z", "roc_auc": area, "error": 0.02}
        for day, area in enumerate(areas, 1)
    ]
    return {"origins": origins}


def _gain(
    difference: float | None, low: float | None, high: float | None, metric: str = "roc_auc", **more: Any
) -> dict[str, Any]:
    interval = {"metric": metric, "difference": difference, "low": low, "high": high, "confidence": 0.975}
    return {**interval, "draws": 500, "blocks": 14, **more}


def _answers(*gains: dict[str, Any], **same: Any) -> dict[str, Any]:
    beside = list(gains) or [_gain(0.05, 0.01, 0.1), _gain(0.002, -0.001, 0.004, "brier")]
    return {"same": {"rows": 672, "number": 0.25, "share": 0.05, **same}, "against_naive": beside}


MOVED = {"reader": "carrier_delays", "asset": "carrier_hours", "sprint": "2013-S02"}
CORRECTION = {"open": True, "files": {"weather": ["a", "b"]}, "attested_by": None}


def _relation(n: int = 1000, violating: int = 0, **worst: Any) -> dict[str, Any]:
    return {
        "relation": "s: order(a, b)", "sentence": "in s, a is at most b", "source": "s", "n": n,
        "violating": violating, "allowed": 0.005, "worst": worst, "lack": "",
    }  # fmt: skip


CASES = {
    "DL701": Case(
        {"inputs": 14, "moved": [], "changed": []},
        [
            (
                {"changed": ["orders of S01 in the lake (gone)"]},
                "it depends on rows that are not as recorded: orders of S01 in the lake (gone). Put them back with",
            ),
            (
                {"moved": [MOVED]},
                "1 of 14 data versions it was computed from were restated since: carrier_hours of",
            ),
            ({"moved": [{**MOVED, "asset": f"a{n}"} for n in range(5)]}, "and 2 more"),
        ],
    ),
    "DL702": Case(
        {"restatements": [{**CORRECTION, "open": False, "attested_by": "sam"}]},
        [
            (
                {"restatements": [CORRECTION]},
                "1 of 1 restatements on new files (weather) await a person's word",
            )
        ],
    ),
    "CAL001": Case(
        {"planned_sprints_remaining": 6, "last_planned_sprint": "2014-S13"},
        [
            ({"planned_sprints_remaining": 5}, "5 planned sprints remain up to 2014-S13; at least 6"),
            ({"planned_sprints_remaining": 0}, "0 planned sprints remain"),
        ],
    ),
    "DQ101": Case(
        {"rows": 12_000, "contract": "departures 1.0.0"},
        [({"refused": "line 4: origin is empty"}, "quarantine: line 4: origin is empty")],
    ),
    "DQ102": Case(
        {"rows": 12_000, "row_bounds": [9_000, 15_000]},
        [
            ({"rows": 8_999}, "8,999 rows landed; the contract promises at least 9,000 and at most 15,000"),
            ({"rows": 15_001}, "15,001 rows"),
            ({"rows": 3, "row_bounds": [4, None]}, "promises at least 4"),
            ({"rows": 3, "row_bounds": [None, 2]}, "promises at most 2"),
        ],
        # Without a promise there is nothing to keep: no pass either.
        thin=[{"row_bounds": [None, None]}],
    ),
    "DQ103": Case(
        {"rows": 100, "rows_without_known_at": 0, "rows_known_after_landing": 0},
        [
            ({"rows_without_known_at": 7}, "7 of 100 rows do not say when they were known"),
            ({"rows_known_after_landing": 2}, "2 say a moment after the file landed"),
        ],
    ),
    "DQ105": Case(
        {"rows": 100, "undeclared_days": []},
        [
            (
                {"undeclared_days": ["sold_on"]},
                "every value of sold_on is a midnight, and the contract does not say",
            )
        ],
    ),
    "DQ104": Case(
        {"rows": 100, "rows_in_lake": 100, "data_version": "aa", "data_version_in_lake": "aa"},
        [
            ({"rows_in_lake": 99}, "the lake has 99"),
            ({"data_version_in_lake": "bb"}, "accepted with content aa, the lake has 100 with bb"),
        ],
    ),
    **{code: _dbt() for code in sorted(DBT_TEST_CODES)},
    "DOC601": Case(
        {"columns": 9, "undocumented": []},
        [({"undocumented": ["dep_delay", "origin"]}, "2 of 9 names have no description: dep_delay, origin")],
    ),
    "FT301": Case(
        {"rows": 500, "rows_created_after_event": 0},
        [({"rows_created_after_event": 3}, "3 of 500 feature rows use data that became known after")],
    ),
    "FT302": Case(
        {"questions": 500, "rows": 500, "distinct_questions": 500},
        [
            ({"rows": 501}, "501 rows of features answer 500 of 500 questions"),
            ({"rows": 499}, "499 rows"),
            ({"distinct_questions": 499}, "500 rows of features answer 499 of 500 questions"),
            (
                {"rows": 0, "questions": 0, "distinct_questions": 0},
                "0 rows of features answer 0 of 0 questions",
            ),
        ],
    ),
    "FT303": Case(
        {"coverage_by_view": {"carrier_delays": 0.9, "origin_weather": 1.0}},
        [({"coverage_by_view": {"carrier_delays": 0.85, "origin_weather": 1.0}}, "carrier_delays: 85.0%")],
    ),
    "FT304": Case(
        {"keys_compared": 40, "keys_unequal": 0},
        [
            ({"keys_unequal": 1}, "1 of 40 keys have different values"),
            ({"keys_compared": 0}, "there was no key to compare"),
            ({"keys_missing": 3}, "3 of 40 keys are missing online; 0 of 40 keys have different values"),
            ({"keys_extra": 2}, "2 keys online are in no offline row"),
        ],
    ),
    "FT305": Case(
        {"rebuilt": _rebuilt()},
        [
            (
                {
                    "rebuilt": _rebuilt(
                        courier_delays={"unequal": 12, "columns": ["late_rate"], "first": "swift"}
                    )
                },
                "12 of 300 rows of courier_delays differ in late_rate: they used later data (swift)",
            ),
            (
                {"rebuilt": _rebuilt(questions={"unequal": 4, "first": "O1: on one side only"})},
                "4 of 300 rows of questions differ: they used later data",
            ),
            (
                {
                    "rebuilt": _rebuilt(
                        questions={"unequal": 90, "columns": ["slot"], "first": "O1: slot 3 stored, 0 again"},
                        caused_by=["orders.minutes"],
                    )
                },
                "differ in slot: they used later data of orders.minutes (O1: slot 3 stored, 0 again)",
            ),
            (  # what is not declared hides no other leak
                {
                    "rebuilt": _rebuilt(
                        courier_delays={"unequal": 2, "first": "swift"},
                        questions={"unequal": 4},
                        not_rebuilt=4,
                        known_when_asked={},
                    )
                },
                "2 of 300 rows of courier_delays differ",
            ),
        ],
        thin=[
            {"rebuilt": _rebuilt(questions={"unequal": 4}, not_rebuilt=4, known_when_asked={})},
            {"rebuilt": {"why": "the features of 2026-S03 could not be computed again: no such column"}},
            {"rebuilt": _rebuilt(**{"answers from courier_delays": {"rows": 0}})},
        ],
    ),
    "ML409": Case(
        {"backtest": _origins(0.70, 0.68, 0.74)},
        [
            (
                {"backtest": _origins(0.75, 0.74, 0.53)},
                "keeps 17% of the mean skill, significantly below 50%",
            ),
            ({"backtest": _origins(0.50, 0.49, 0.48)}, "no skill"),
        ],
        thin=[{"backtest": _origins(0.70, None, 0.74)}, {"backtest": {"origins": []}}],
    ),
    "ML412": Case(
        _ranks(0.87, minutes=0.2, weekday=0.05),
        [
            (
                _ranks(0.96, minutes=0.2, weekday=0.1),
                "ROC-AUC 0.960: more than the 0.95 that is plausible here",
            ),
            (_ranks(0.92, gate=0.40, weekday=0.01), "gate alone carries 95% of the skill"),
        ],
        thin=[_ranks(None, minutes=0.2), _ranks(0.8)],
    ),
    "ML413": Case(
        {"judged": "2026-S07", "profiles": {"2026-S06": [], "2026-S07": []}},
        [
            (
                {
                    "judged": "2026-S07",
                    "profiles": {"2026-S06": [], "2026-S07": ["orders: a day is missing"]},
                },
                "judged on 2026-S07, whose sources are not as usual: orders: a day is missing",
            ),
            (
                {"judged": "2026-S07", "profiles": {"2026-S05": ["a"], "2026-S06": ["b"], "2026-S07": []}},
                "learned from 2026-S05, whose sources are not as usual: a; and findings in 2026-S06",
            ),
        ],
        thin=[{"judged": "2026-S07", "profiles": {"2026-S06": None, "2026-S07": []}}],
    ),
    "DQ106": Case(
        {"findings": [], "compared": 900, "sprints": 6},
        [
            (
                {
                    "findings": [{"sentence": "orders: 0 rows on 2026-03-19", "also": 2}],
                    "compared": 900,
                    "sprints": 6,
                },
                "orders: 0 rows on 2026-03-19; and 2 more",
            ),
        ],
        thin=[{"findings": [], "compared": 0, "sprints": 3}, {"findings": None, "compared": 9, "sprints": 5}],
    ),
    "DQ107": Case(
        {"accepted": [_relation()]},
        [
            (
                {"accepted": [_relation(), _relation(violating=6)]},
                "1 of 2 accepted relations violated: in s, a is at most b: 6 of 1,000 rows violate it (0.60%, allowed: "
                "0.50%)",
            ),
            (
                {
                    "accepted": [
                        _relation(13_000, 14, group={"by": "c", "value": "HA", "n": 14, "violating": 14})
                    ]
                },
                "with c HA (14 of 14); more than 50% of the rows of one group is too many",
            ),
        ],
        thin=[{"accepted": [_relation(19)]}, {"accepted": [_relation(), _relation(0)]}],
    ),
    "ML410": Case(
        {"card": {"figures": 40, "empty": [], "stale": [], "unmeasured": []}},
        [
            (
                {"card": {"figures": 40, "empty": ["Slices"], "stale": [], "unmeasured": []}},
                "section Slices is empty",
            ),
            (
                {"card": {"figures": 40, "empty": [], "stale": ["stale: release a1"], "unmeasured": []}},
                "stale: release a1",
            ),
            (
                {"card": {"figures": 40, "empty": [], "stale": [], "unmeasured": ["it is fair"]}},
                "claim without a metric: it is fair",
            ),
        ],
        thin=[{"card": {"figures": 0, "empty": [], "stale": [], "unmeasured": []}}],
    ),
    "ML411": Case(
        {
            "inputs": ["distance", "late_rate"],
            "served": ["distance", "late_rate"],
            "outcomes": ["late"],
            "own_inputs": True,
        },
        [
            ({"own_inputs": False}, "with its own code"),
            (
                {"inputs": ["distance", "late"], "served": ["distance", "late"]},
                "late, which contain the outcome",
            ),
            ({"inputs": ["distance", "tail"]}, "tail, which no question is answered with"),
        ],
        thin=[{"served": []}],
    ),
    "MO501": Case(
        {"state": "none", "why": "0 of 20 features drifted", "drifting_sprints": 0},
        [
            (
                {"state": "confirmed", "why": "9 of 20 features drifted", "drifting_sprints": 2},
                "confirmed: 9 of 20",
            )
        ],
        optional=("drifting_sprints",),
        thin=[{"state": "insufficient", "why": "12 rows are too few"}],
    ),
    "MO508": Case(
        {"state": "confirmed", "why": "9 of 20 features drifted", "drifting_sprints": 2},
        [
            (
                {"state": "suspected", "why": "9 of 20 features drifted", "drifting_sprints": 1},
                "suspected, of this sprint alone: 9 of 20",
            )
        ],
        optional=("drifting_sprints",),
        thin=[{"state": "insufficient", "why": "12 rows are too few"}],
    ),
    "MO502": Case(
        {"concept": {"effect": 0.02, "drifting": False, "why": "errors of 900 answers are +0.02 off"}},
        [
            (
                {"concept": {"effect": 0.4, "drifting": True, "why": "errors of 900 answers are +0.40 off"}},
                "errors of 900 answers are +0.40 off",
            )
        ],
        thin=[{"concept": {"effect": None, "drifting": None, "why": "no labelled answer yet"}}],
    ),
    "MO503": Case(
        {"missing": {"wind": {"share": 0.02, "ordinary": 0.01, "moved": False}}},
        [
            (
                {"missing": {"wind": {"share": 0.4, "ordinary": 0.01, "moved": True}}},
                "1 of 1 features miss more or fewer values than any sprint of the training data: "
                "wind 40.0% instead of 1.0%",
            ),
            (
                {"missing": {f"f{i}": {"share": 0.4, "ordinary": 0.01, "moved": True} for i in range(6)}},
                "and 2 more",
            ),
        ],
        thin=[{"missing": {}}],
    ),
    "MO504": Case(
        {"questions": 13_000, "answered": 6_500},
        [
            ({"answered": 6_499}, "6,499 of 13,000 questions have an outcome (50.0%), required: 50%"),
            ({"answered": 0}, "0 of 13,000 questions have an outcome (0.0%)"),
        ],
        thin=[{"questions": 0, "answered": 0}],
    ),
    "MO505": Case(
        {"served": True, "answers": _answers()},
        [
            (
                {"answers": _answers(share=1.0)},
                "all 672 predictions are 0.25: the model does not tell one question",
            ),
            (
                {"answers": _answers(share=0.98)},
                "98.0% of 672 predictions, and of what they expect, are 0.25 or nearly so",
            ),
            ({"answers": _answers(share=0.95)}, "the model does not tell one question from another"),
        ],
        thin=[
            {"answers": _answers(rows=9, share=1.0)},
            {"answers": _answers(rows=0, number=None, share=None)},
        ],
    ),
    "MO506": Case(
        {"served": True, "answers": _answers()},
        [
            (
                {"answers": _answers(_gain(-0.2, -0.3, -0.1), _gain(-0.1, -0.2, 0.01, "brier"))},
                "worse than the naive baseline by ROC-AUC: ROC-AUC -0.2000 (97.5 % interval -0.3000 to -0.1000); Brier",
            ),
            (
                {"answers": _answers(_gain(0.1, 0.01, 0.2), _gain(-0.1, -0.2, -0.01, "brier"))},
                "worse than the naive baseline by Brier score: ",
            ),
        ],
        thin=[
            {"answers": _answers(_gain(None, None, None, why="4 blocks are too few to resample"))},
            {"answers": _answers(_gain(-0.2, -0.3, -0.1, draws=99))},
            {"answers": _answers(_gain(float("nan"), float("nan"), float("nan")))},
            {"answers": {**_answers(), "against_naive": []}},
        ],
    ),
    "MO507": Case(
        {"served": True, "champion": "m1", "weak": [], "weak_before": ["2013-S08", "2013-S09"]},
        [
            (
                {"weak": ["all 672 predictions are 0.25"], "weak_before": ["2013-S09"]},
                "champion m1 was weak in 2 sprints in a row up to this one: all 672 predictions are 0.25",
            ),
            ({"weak": ["worse", "flat"]}, "3 sprints in a row up to this one: worse; flat"),
        ],
    ),
}
