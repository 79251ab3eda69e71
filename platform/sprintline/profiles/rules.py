"""Rules over the profiles of a sprint's sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed
from sprintline.profiles.facts import Finding
from sprintline.profiles.history import RULE, landed_before
from sprintline.profiles.limits import LEAST_SPRINTS
from sprintline.profiles.relation_rules import RULE as KEEPS_RELATIONS

SHOWN = 3


def _as_usual(evidence: Mapping[str, Any], _: Any) -> Judgement:
    findings: list[Finding] = need(evidence, "findings")
    compared, sprints = need(evidence, "compared"), need(evidence, "sprints")
    if findings:
        return _found(findings, evidence.get("accepted_by"))
    if not compared:
        return insufficient(
            f"{sprints} earlier sprints have profiles, at least {LEAST_SPRINTS} are required to say what is usual",
            0,
            0,
        )
    learning = evidence.get("learning") or 0
    again = f"; {learning} are learned again since a change was accepted" if learning else ""
    return passed(f"{compared:,} statistics of its sources are as the {sprints} sprints before{again}", 0, 0)


def _found(findings: list[Finding], accepted_by: str | None) -> Judgement:
    count = sum(1 + one["also"] for one in findings)
    shown = "; ".join(one["sentence"] for one in findings[:SHOWN])
    hidden = count - min(len(findings), SHOWN)
    more = f"; and {hidden} more" if hidden else ""
    if accepted_by:
        return passed(f"{accepted_by} accepted the findings as right: {shown}{more}", count, 0)
    return failed(f"{shown}{more}", count, 0)


def has_history(context: Any, sprint: str) -> bool:
    """Whether enough sprints landed before one to say what is usual: a product's first sprints have no history."""
    return len(landed_before(context, sprint)) >= LEAST_SPRINTS


AS_USUAL = Rule(
    code=RULE,
    name="sources_are_as_usual",
    judges="profiles",
    practice="1.5",
    severity=Severity.WARN,
    per_sprint=True,
    owed=has_history,
    why="Data can be wrong and keep every bound of its contract: a group in another unit, a day that is missing, a "
    "sensor that is stuck, rows doubled under new keys. Only what was usual before shows it.",
    remedy="ask the provider, and drop the corrected file of the sprint. If the data are right: sprintline attest "
    f"PRODUCT {RULE} --sprint SPRINT with the claim and the evidence; what was found is then learned again. Until "
    "then no model learns from the sprint or is judged on it",
    judge=_as_usual,
)

RULES = (AS_USUAL, KEEPS_RELATIONS)
