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
    return passed(f"all {len(tests)} tests pass", 0, 0)


def _failure_of(test: Mapping[str, Any]) -> str:
    message = test.get("message") or ""
    # dbt's own is "Got 3 results, configured to fail if != 0".
    if test.get("failures") and (not message or message.startswith("Got ")):
        return f"{test['failures']:,} rows"
    return message or str(test["status"])


def _documented(evidence: Mapping[str, Any], _: Any) -> Judgement:
    columns, bare = need(evidence, "columns"), need(evidence, "undocumented")
    if bare:
        return failed(
            f"{len(bare)} of {columns} names have no description: {', '.join(bare[:5])}", len(bare), 0
        )
    return passed(f"the model and all its {columns} columns are described", 0, 0)


def _test_rule(code: str, name: str, remedy: str, why: str) -> Rule:
    return Rule(code=code, name=name, judges="model", practice="1.5", remedy=remedy, judge=_tests, why=why)


RULES = (
    _test_rule(
        "DQ201",
        "keys_are_unique",
        remedy="find the duplicate rows with the test's compiled SQL and fix the join",
        why="A duplicate row counts twice in every sum, rate and training set that uses it, and a join multiplies it "
        "further.",
    ),
    _test_rule(
        "DQ202",
        "required_values_are_there",
        remedy="find where the null enters: landing, cast or join",
        why="A null where a value is required silently drops rows from joins and comparisons.",
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
        why="A new spelling or an unknown kind matches no case distinction and reaches the model as a category it was "
        "not trained on.",
    ),
    _test_rule(
        "DQ205",
        "business_rules_hold",
        remedy="read the test's SQL for the claim and fix the model",
        why="Types and keys do not make a row plausible: an arrival before its departure has valid types. What the "
        "business knows to be true must be tested on every row.",
    ),
    Rule(
        code="DOC601",
        name="is_documented",
        judges="model",
        practice="9.4",
        why="A column without a description is used for what its name suggests. The description is the only place that "
        "states grain, unit and time zone.",
        remedy="describe the model and each column in the .yml beside the .sql",
        judge=_documented,
    ),
)

DBT_TEST_CODES = frozenset(rule.code for rule in RULES if rule.judge is _tests)
