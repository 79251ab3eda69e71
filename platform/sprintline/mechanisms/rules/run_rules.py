"""Judging: a rule's verdict on one asset in a scope, and the versions that gates hold verdicts against.

Where a scope is asked for, a bare key is a sprint's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.mechanisms.context import Context
from sprintline.mechanisms.rules.kinds import Evidence, kinds, kinds_of_scope
from sprintline.mechanisms.rules.registry import rules_for
from sprintline.mechanisms.rules.scope import Scope
from sprintline.mechanisms.rules.verdicts import Rule, Severity, Verdict


def gather(context: Context, kind: str, asset: str, scope: Scope | str) -> Evidence:
    """Evidence and the data version it speaks of; `(None, "")` when the asset left no record for the scope."""
    return kinds()[kind].evidence(context, asset, Scope.of(scope))


def judge(
    context: Context,
    rule: Rule,
    asset: str,
    scope: Scope | str,
    evidence: Mapping[str, Any] | None,
    data_version: str,
) -> Verdict:
    """One rule's verdict on one asset in a scope, with the product's own threshold and severity."""
    override = context.overrides.get(rule.code)
    threshold = override.threshold if override and override.threshold is not None else None
    judgement = rule(evidence, threshold)
    severity = Severity(override.severity) if override and override.severity else rule.severity
    return Verdict(
        product=context.product,
        scope=Scope.of(scope),
        code=rule.code,
        asset=asset,
        outcome=judgement.outcome,
        severity=severity,
        sentence=judgement.sentence,
        data_version=data_version,
        observed=judgement.observed,
        threshold=judgement.threshold,
    )


def judge_asset(context: Context, kind: str, asset: str, scope: Scope | str) -> list[Verdict]:
    """Judge an asset in a scope by every rule of its kind, on what the stores hold now, and record the verdicts."""
    evidence, version = gather(context, kind, asset, scope)
    verdicts = [judge(context, rule, asset, scope, evidence, version) for rule in rules_for(kind, context)]
    context.records.record_verdicts(verdicts)
    return verdicts


def current_versions(context: Context, scope: Scope | str) -> dict[str, str]:
    """Data version by asset, of all that were recorded for the scope, as their stores hold them now.

    An asset's record says what it wrote. Whoever changes a lake partition, a mart or a release afterwards leaves that
    record as it is, so a gate that asked the record would accept verdicts on data that is gone. What a store no longer
    holds is left out.
    """
    scope = Scope.of(scope)
    measured = {
        asset: one for (_, asset), one in context.records.measurements(context.product, scope).items()
    }
    found: dict[str, str | None] = {asset: one.data_version for asset, one in measured.items()}
    for kind in kinds_of_scope(scope.kind):
        own = {asset: measured[asset] for asset in kind.assets(context) if asset in measured}
        if own:
            found |= {**dict.fromkeys(own), **kind.versions(context, scope.key, own)}
    return {asset: version for asset, version in found.items() if version is not None}
