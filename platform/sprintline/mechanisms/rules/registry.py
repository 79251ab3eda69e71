"""Every rule of the platform, found in the `rules.py` of each subject."""

from __future__ import annotations

from functools import cache

from sprintline.mechanisms.registry import collected
from sprintline.mechanisms.rules.verdicts import Rule


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by its code, in the order of codes. Raises ValueError when two share a code."""
    found: dict[str, Rule] = {}
    for rule in collected("rules", "RULES"):
        if rule.code in found:
            raise ValueError(f"two rules share the code {rule.code}")
        found[rule.code] = rule
    return dict(sorted(found.items()))


def rules_for(kind: str) -> tuple[Rule, ...]:
    """Rules that judge one kind of asset, in the order of their codes."""
    return tuple(rule for rule in all_rules().values() if rule.judges == kind)


def rules_of_gate(gate: str) -> tuple[Rule, ...]:
    """Rules that a gate asks for, in the order of their codes."""
    return tuple(rule for rule in all_rules().values() if gate in rule.gates)
