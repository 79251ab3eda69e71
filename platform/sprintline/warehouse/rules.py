"""Rules over dbt models. Results of dbt tests become verdicts here: the test's `meta.rule` names the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, MissingEvidence, Rule, failed, need, passed


def _tests(evidence: Mapping[str, Any], _: Any) -> Judgement:
    tests = need(evidence, "tests")
    if not tests:
        raise MissingEvidence("no evidence: none of the declared dbt tests ran")
    broken = [test for test in tests if test["status"] != "pass"]
    if broken:
        shown = "; ".join(f"{test['name']}: {_failure_of(test)}" for test in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        return failed(f"{len(broken)} of {len(tests)} tests fail: {shown}{more}", len(broken), 0)
    return passed(f"all {len(tests)} tests hold", 0, 0)


def _failure_of(test: Mapping[str, Any]) -> str:
    return f"{test['failures']:,} rows" if test.get("failures") else test.get("message") or test["status"]


def _documented(evidence: Mapping[str, Any], _: Any) -> Judgement:
    columns, bare = need(evidence, "columns"), need(evidence, "undocumented")
    if bare:
        return failed(
            f"{len(bare)} of {columns} names carry no description: {', '.join(bare[:5])}", len(bare), 0
        )
    return passed(f"the model and all its {columns} columns are described", 0, 0)


def _test_rule(code: str, name: str, remedy: str, why: str) -> Rule:
    return Rule(code=code, name=name, judges="model", practice="1.5", remedy=remedy, judge=_tests, why=why)


RULES = (
    _test_rule(
        "DQ201",
        "keys_are_unique",
        remedy="find the doubled rows with the test's compiled SQL and fix the join",
        why="A doubled row counts twice in every sum, rate and training set behind it, and a join multiplies it "
        "further.",
    ),
    _test_rule(
        "DQ202",
        "required_values_are_there",
        remedy="find where the null enters: landing, cast or join",
        why="A null where a value is required drops rows out of joins and comparisons without a trace.",
    ),
    _test_rule(
        "DQ203",
        "references_resolve",
        remedy="load the referenced rows or fix the key",
        why="A row that refers to nothing is lost in the next inner join, and the loss looks like less business.",
    ),
    _test_rule(
        "DQ204",
        "values_are_accepted",
        remedy="fix the value or extend accepted_values with its owner",
        why="A new spelling or an unknown kind falls through every case distinction and into the model as a category "
        "it never saw.",
    ),
    _test_rule(
        "DQ205",
        "business_rules_hold",
        remedy="read the test's SQL for the claim and fix the model",
        why="Types and keys say nothing of sense: an arrival before its departure is well-formed. What the business "
        "knows to be true must be asked of every row.",
    ),
    Rule(
        code="DOC601",
        name="is_documented",
        judges="model",
        practice="9.4",
        why="A column nobody described is used for what its name suggests. The description is the only "
        "place where grain, unit and time zone are told to whoever comes next.",
        remedy="describe the model and each column in the .yml beside the .sql",
        judge=_documented,
    ),
)

DBT_TEST_CODES = frozenset(rule.code for rule in RULES if rule.judge is _tests)
