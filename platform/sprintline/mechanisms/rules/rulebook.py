"""Which rules judge which assets of a product, and so what each gate asks for."""

from __future__ import annotations

from sprintline.mechanisms.context import Context
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import all_rules, rules_for, rules_of_gate

DONE, PROMOTION = "done", "promotion"
"""Gates: the Definition of Done of a sprint, and the promotion of a candidate."""


def assets_by_rule(context: Context) -> dict[str, list[str]]:
    """Names of the product's assets that each rule judges, by code; empty for a rule that judges none of them."""
    found: dict[str, list[str]] = {code: [] for code in all_rules()}
    for kind in kinds().values():
        rules = rules_for(kind.name)
        for asset in kind.assets(context) if rules else ():
            for rule in kind.rules_on(context, asset, rules):
                found[rule.code].append(asset)
    return {code: sorted(names) for code, names in found.items()}


def needs_of_gate(context: Context, gate: str, sprint: str) -> tuple[Need, ...]:
    """What a gate asks for in a sprint: each of its rules on every asset that the rule judges."""
    needs: set[Need] = set()
    wanted = rules_of_gate(gate)
    for kind in kinds().values():
        rules = tuple(rule for rule in wanted if rule.judges == kind.name)
        if not rules or not kind.owed(context, sprint):
            continue
        for asset in kind.assets(context):
            needs |= {Need(rule.code, asset) for rule in kind.rules_on(context, asset, rules)}
    return tuple(sorted(needs))


def definition_of_done(context: Context, sprint: str) -> tuple[Need, ...]:
    """Every rule of the Definition of Done on its assets."""
    return needs_of_gate(context, DONE, sprint)
