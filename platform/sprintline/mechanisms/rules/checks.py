"""Rules as asset checks: one check per rule and sprint, mirroring the verdict kept in the records."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from sprintline.mechanisms import assets as shell
from sprintline.mechanisms.backlog.update import stops_the_run, update_from_verdicts
from sprintline.mechanisms.context import Context
from sprintline.mechanisms.rules.kinds import kinds
from sprintline.mechanisms.rules.registry import rules_for
from sprintline.mechanisms.rules.run_rules import gather, judge
from sprintline.mechanisms.rules.terms import ATTESTED, INSUFFICIENT
from sprintline.mechanisms.rules.verdicts import Outcome, Rule, Severity, Verdict

SEVERITY = {Severity.ERROR: dg.AssetCheckSeverity.ERROR, Severity.WARN: dg.AssetCheckSeverity.WARN}


def check_name(rule: Rule) -> str:
    """Name of a rule's asset check: its code, by which people look it up, and its claim."""
    return f"{rule.code}_{rule.name}"


def check_spec(
    context: Context, rule: Rule, asset: str, partitions: dg.PartitionsDefinition
) -> dg.AssetCheckSpec:
    """The declaration of one rule's check on one asset, a partition per sprint."""
    # Blocking orders everything downstream behind the check; whether a failure stops it is the severity's matter.
    return dg.AssetCheckSpec(
        name=check_name(rule),
        asset=dg.AssetKey([context.product, asset]),
        blocking=True,
        partitions_def=partitions,
        description=described(rule, asset),
        metadata={"code": rule.code, "practice": rule.practice},
    )


def described(rule: Rule, asset: str) -> str:
    """What a check claims, what to do if it does not hold, and why it may be skipped."""
    told = [f"{rule.code}: {asset} {rule.claim}", f"If not: {rule.remedy}"]
    if "attest" in f"{rule.name} {rule.remedy}":
        told.append(ATTESTED)
    if skipped := kinds()[rule.judges].skipped:
        told.append(skipped)
    return ". ".join(told) + "."


def not_required(context: Context, rule: Rule, sprint: str) -> str:
    """Why no gate requires a rule in a sprint, a sentence; empty where one does."""
    if not rule.gates:
        return "By no gate: it only informs"
    kind = kinds()[rule.judges]
    if not kind.owed(context, sprint):
        return f"Not in this sprint. {kind.skipped or first_line(kind.owed)}"
    return "" if rule.owed(context, sprint) else f"Not in this sprint. {first_line(rule.owed)}"


def first_line(of: Any) -> str:
    """The first line of a docstring, as it is shown to people."""
    return str(of.__doc__ or "").strip().splitlines()[0].rstrip(".")


def result(rule: Rule, verdict: Verdict, not_required: str = "") -> dg.AssetCheckResult:
    """The mirror of a verdict: passed only when the verdict passes. not_required: why no gate asks for the rule."""
    return dg.AssetCheckResult(
        passed=verdict.passes,
        severity=SEVERITY[verdict.severity],
        description=sentence(rule, verdict),
        asset_key=dg.AssetKey([verdict.product, verdict.asset]),
        check_name=check_name(rule),
        metadata=check_metadata(rule, verdict) | ({"required": not_required} if not_required else {}),
    )


def check_metadata(rule: Rule, verdict: Verdict) -> dict[str, Any]:
    """Figures of a verdict as check metadata; observed and threshold as JSON, only when there are any."""
    shown = {
        "verdict": verdict.outcome.value,
        "data version": verdict.data_version,
        "practice": rule.practice,
    }
    if verdict.observed is not None:
        shown["observed"] = json.dumps(verdict.observed)
    if verdict.threshold is not None:
        shown["threshold"] = json.dumps(verdict.threshold)
    if verdict.outcome is Outcome.INSUFFICIENT:
        shown["insufficient"] = INSUFFICIENT
    return shown


def sentence(rule: Rule, verdict: Verdict) -> str:
    """A verdict in words for the check's description; unless it passes, with the remedy."""
    if verdict.outcome is Outcome.PASS:
        return f"{verdict.scope}: {verdict.sentence}."
    word = "insufficient evidence" if verdict.outcome is Outcome.INSUFFICIENT else "fails"
    return f"{verdict.scope} {word}: {verdict.sentence}. Fix: {rule.remedy}."


def checks_for(
    runtime: Context, asset: str, kind: str, partitions: dg.PartitionsDefinition, pool: str | None = None
) -> Iterable[dg.AssetChecksDefinition]:
    """One operation that judges an asset by every rule of its kind; nothing when no rule of the kind applies."""
    rules = rules_for(kind, runtime)
    if not rules:
        return

    @dg.multi_asset_check(
        name=f"{runtime.product}__{asset}__rules",
        pool=pool,
        can_subset=True,
        specs=[check_spec(runtime, rule, asset, partitions) for rule in rules],
        description=f"Judges {asset} by {', '.join(rule.code for rule in rules)}.",
    )
    @shell.in_words(runtime)
    def rules_hold(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        sprint = context.partition_key
        wanted = {key.name for key in context.selected_asset_check_keys}
        chosen = [rule for rule in rules if check_name(rule) in wanted]
        evidence, version = gather(runtime, kind, asset, sprint)
        verdicts = [judge(runtime, rule, asset, sprint, evidence, version) for rule in chosen]
        runtime.records.record_verdicts(verdicts)
        if stops_the_run(verdicts):
            update_from_verdicts(runtime, sprint, shell.actor(context))
        for rule, verdict in zip(chosen, verdicts, strict=True):
            yield result(rule, verdict, not_required(runtime, rule, sprint))

    yield rules_hold


def report_refusal(context: dg.AssetExecutionContext, rule: Rule, verdict: Verdict) -> None:
    """Mirror a verdict on an asset that did not materialize: its own checks never run then."""
    context.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey([verdict.product, verdict.asset]),
            check_name=check_name(rule),
            passed=False,
            severity=SEVERITY[verdict.severity],
            description=sentence(rule, verdict),
            partition=verdict.sprint,
            metadata={
                key: dg.MetadataValue.text(str(value)) for key, value in check_metadata(rule, verdict).items()
            },
        )
    )
