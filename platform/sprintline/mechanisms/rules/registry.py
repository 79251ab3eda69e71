"""Every rule of the platform, found in the `rules.py` of each subject."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sprintline.mechanisms.registry import collected
from sprintline.mechanisms.rules.verdicts import Rule

if TYPE_CHECKING:
    from sprintline.mechanisms.context import Context


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by its code, in the order of codes. Raises ValueError when two share a code."""
    found: dict[str, Rule] = {}
    for rule in collected("rules", "RULES"):
        if rule.code in found:
            raise ValueError(f"two rules share the code {rule.code}")
        found[rule.code] = rule
    return dict(sorted(found.items()))


def rules_for(kind: str, context: Context | None = None) -> tuple[Rule, ...]:
    """Rules that judge one kind of asset, in the order of their codes; of a product only those that apply to it."""
    return tuple(rule for rule in _rules_of(context) if rule.judges == kind)


def rules_of_gate(gate: str, context: Context | None = None) -> tuple[Rule, ...]:
    """Rules that a gate requires, in the order of their codes; of a product only those that apply to it."""
    return tuple(rule for rule in _rules_of(context) if gate in rule.gates)


def _rules_of(context: Context | None) -> tuple[Rule, ...]:
    return tuple(rule for rule in all_rules().values() if context is None or rule.applies(context))
