"""The rule set: every coded claim the platform can judge, one module per family."""

from __future__ import annotations

from sprintline.core.verdicts import Rule
from sprintline.rules import calendar, candidates, delivery, features, landing, models, monitoring, warehouse

FAMILIES = (calendar, landing, warehouse, features, models, candidates, monitoring, delivery)

RULES: dict[str, Rule] = {rule.code: rule for family in FAMILIES for rule in family.RULES}

if len(RULES) != sum(len(family.RULES) for family in FAMILIES):
    raise ValueError("two rules share a code")


def rules_for(kind: str) -> tuple[Rule, ...]:
    """Rules that judge one kind of asset, in order of their codes."""
    return tuple(sorted((rule for rule in RULES.values() if rule.judges == kind), key=lambda rule: rule.code))
