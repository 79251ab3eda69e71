"""Which rules judge which assets of a product, what each gate asks for, and what it answers."""

from __future__ import annotations

from sprintline.mechanisms.context import Context
from sprintline.mechanisms.rules.gates import GateDecision, Need, decide
from sprintline.mechanisms.rules.kinds import kinds, kinds_of_scope
from sprintline.mechanisms.rules.registry import all_rules, rules_for, rules_of_gate
from sprintline.mechanisms.rules.run_rules import current_versions
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.waivers import waivers

DONE, PROMOTION = "done", "promotion"
"""Gates: the Definition of Done of a sprint, and the promotion of a candidate."""


def assets_by_rule(context: Context) -> dict[str, list[str]]:
    """Names of the product's assets that each rule judges, by code; empty for a rule that judges none of them.

    A rule that does not apply to the product judges none.
    """
    found: dict[str, list[str]] = {code: [] for code in all_rules()}
    for kind in kinds().values():
        rules = rules_for(kind.name, context)
        for asset in kind.assets(context) if rules else ():
            for rule in kind.rules_on(context, asset, rules):
                found[rule.code].append(asset)
    return {code: sorted(names) for code, names in found.items()}


def needs_of_gate(context: Context, gate: str, scope: Scope | str) -> tuple[Need, ...]:
    """What a gate asks for in a scope: each of its rules of that kind of scope, on every asset that the rule judges.

    A bare key is a sprint's.
    """
    needs: set[Need] = set()
    wanted, scope = rules_of_gate(gate, context), Scope.of(scope)
    for kind in kinds_of_scope(scope.kind):
        rules = tuple(rule for rule in wanted if rule.judges == kind.name)
        if not rules or not kind.owed(context, scope.key):
            continue
        rules = tuple(rule for rule in rules if rule.owed(context, scope.key))
        for asset in kind.assets(context):
            needs |= {Need(rule.code, asset) for rule in kind.rules_on(context, asset, rules)}
    return tuple(sorted(needs))


def definition_of_done(context: Context, sprint: str) -> tuple[Need, ...]:
    """Every rule of the Definition of Done on its assets."""
    return needs_of_gate(context, DONE, sprint)


def ask(context: Context, gate: str, scope: Scope | str) -> GateDecision:
    """Ask a gate by its name about a scope, on the verdicts on record and what the stores hold now.

    A gate that no rule of that kind of scope names is shut. A bare key is a sprint's.
    """
    return decide(
        gate,
        needs_of_gate(context, gate, scope),
        context.records.verdicts(context.product, scope),
        current_versions(context, scope),
        waivers(context),
        context.clock.now(),
        context.records.changed(context.product, scope),
    )
