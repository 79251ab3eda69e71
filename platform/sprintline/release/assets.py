"""Models: predictions by the champion before, their scores, candidates, and who serves next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.base.failpoints import failpoint
from sprintline.base.words import counted_as
from sprintline.learning.metric_names import METRICS
from sprintline.learning.skills import quality_of
from sprintline.mechanisms.rules.checks import check_name, check_spec, result
from sprintline.mechanisms.rules.registry import rules_for
from sprintline.mechanisms.rules.run_rules import gather, judge
from sprintline.mechanisms.rules.terms import BASELINES
from sprintline.mechanisms.rules.verdicts import Rule
from sprintline.product import assets as shell
from sprintline.product.runtime import Runtime
from sprintline.release import promotion
from sprintline.release.cards import write_card
from sprintline.release.facts import CandidateFacts
from sprintline.release.live import read_decision
from sprintline.release.mirror import set_alias_right

if TYPE_CHECKING:
    pass

RETRAINED = ("candidate", "champion", "increment", "backlog")
"""What a retraining run materializes for its sprint."""


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """Candidate and champion, with their checks."""
    yield _candidate_and_champion(runtime, partitions)


def _candidate_and_champion(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Both in one operation: a candidate is rare, the decision is not, and each must follow the other's verdicts."""
    rules = rules_for("candidate", runtime)
    candidate, champion = (dg.AssetKey([runtime.product, name]) for name in ("candidate", "champion"))
    shared: dict[str, Any] = {
        "group_name": "models",
        "owners": runtime.spec.owners,
        "partitions_def": partitions,
        "skippable": True,
    }
    judged = [
        dg.AssetKey([runtime.product, name]) for name in ("profiles", "question_features", "scores", "drift")
    ]

    @dg.multi_asset(
        name=f"{runtime.product}__promotion",
        can_subset=True,
        pool=shell.POOL,
        op_tags={"sprintline/product": runtime.product},
        specs=[
            dg.AssetSpec(
                candidate,
                deps=judged,
                kinds={"scikitlearn", "mlflow", "onnx"},
                **shared,
                description="A new model, judged on this sprint. Trained for a recorded reason on the sprints "
                f"before, it is compared with the champion and with baselines: {BASELINES}.",
            ),
            dg.AssetSpec(
                champion,
                deps=[candidate, *judged],
                kinds={"mlflow", "onnx"},
                **shared,
                description="Who serves after this sprint, and why. The promotion gate's decision, kept in the ledger.",
            ),
        ],
        # Not blocking: a candidate that fails a rule is held by the gate, which the decision below asks.
        check_specs=[
            check_spec(runtime, rule, "candidate", partitions)._replace(blocking=False) for rule in rules
        ],
    )
    @shell.in_words(runtime)
    def promote(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sprint = context.partition_key
        if not context.selected_asset_keys:  # only the checks were asked for
            yield from judged_candidate(context, runtime, rules)
            return
        if shell.waits(context, runtime, sprint, candidate):
            return
        trigger, why = promotion.trigger_of(runtime, sprint, shell.actor(context))
        if trigger and promotion.left_to_the_sensor(trigger, context.run.tags):
            shell.skips(
                context, sprint, candidate, f"{sprint}: left to the retraining sensor: {trigger['why']}"
            )
            return
        taught = None
        if trigger and candidate in context.selected_asset_keys:
            taught = promotion.taught_before(runtime, sprint)
            if lack := promotion.untaught(runtime, taught):
                # The sprint closes all the same; the next one finds the same reason to train.
                trigger, taught, why = None, None, f"{why}, but {lack}"
        if trigger and taught:
            facts, version, metadata = promotion.train_candidate(runtime, sprint, trigger, taught)
            runtime.measure("candidate", sprint, version, facts)
            failpoint("train.measured")
            card = write_card(runtime, version, sprint)
            yield shell.materialized(version, {**metadata, **_shown(facts, card)}, candidate)
            yield from judged_candidate(context, runtime, rules)
        elif candidate in context.selected_asset_keys:
            checks = counted_as(len(rules), "check")
            told = f"{sprint}: no candidate was trained, so {checks} of candidate are skipped: {why}"
            shell.skips(context, sprint, candidate, told)
        if champion in context.selected_asset_keys:
            decision = promotion.decide(runtime, sprint, trigger, why, shell.actor(context))
            if wrong := set_alias_right(runtime, sprint, shell.actor(context)):
                context.log.warning(wrong)
            champion_now = read_decision(decision).after or "none"
            yield shell.materialized(
                champion_now,
                {
                    "decision": decision["decision"],
                    "why": decision["why"],
                    "trigger": decision["trigger"] or "none",
                    "champion": champion_now,
                },
                champion,
            )

    return promote


def _shown(facts: CandidateFacts, card: str) -> dict[str, Any]:
    """How good a candidate was, what moved it, and its card, as Dagster shows them."""
    from sprintline.learning import plots

    lost = METRICS[quality_of(facts["by_model"]["candidate"])[0].name].title
    return {
        "on the held-out sprint": shell.table(
            [{"of": name, **one} for name, one in facts["by_model"].items()]
        ),
        "baselines are": f"{BASELINES}; the base rate is the same answer for every question",
        "importance": dg.MetadataValue.md(
            plots.bars(facts["importance"], f"{lost} lost when a feature is shuffled")
        ),
        "card": dg.MetadataValue.md(card),
    }


def judged_candidate(
    context: dg.AssetExecutionContext, runtime: Runtime, rules: Sequence[Rule]
) -> Iterator[dg.AssetCheckResult]:
    """Every rule's verdict on the sprint's candidate, kept; those whose checks were asked for are also shown.

    Nothing when the sprint trained none: there is nothing to judge.
    """
    sprint = context.partition_key
    evidence, version = gather(runtime, "candidate", "candidate", sprint)
    if evidence is None:
        why = f"{sprint}: no candidate was trained, so none is judged: its checks are skipped"
        shell.skips(context, sprint, dg.AssetKey([runtime.product, "candidate"]), why)
        return
    verdicts = [judge(runtime, rule, "candidate", sprint, evidence, version) for rule in rules]
    runtime.records.record_verdicts(verdicts)
    asked = {key.name for key in context.selected_asset_check_keys}
    yield from (
        result(rule, one) for rule, one in zip(rules, verdicts, strict=True) if check_name(rule) in asked
    )
