"""Models: predictions by the champion that stood before, their scores, candidates, and who serves next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.core.verdicts import Rule
from sprintline.failpoints import failpoint
from sprintline.rules import rules_for
from sprintline.stages import promotion, shell
from sprintline.stages.cards import write_card
from sprintline.stages.checks import check_name, check_spec, checks_for, judge, result
from sprintline.stages.decisions import PastMissing, champion_before
from sprintline.stages.evidence import gather
from sprintline.stages.runtime import Runtime
from sprintline.stages.versions import NOTHING_ISSUED

if TYPE_CHECKING:
    import pandas as pd

RETRAINED = ("candidate", "champion", "increment", "backlog")
"""What a retraining run materializes for its sprint."""


def model_definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """Predictions, scores, candidate and champion, with their checks."""
    yield _predictions(runtime, partitions)
    yield from checks_for(runtime, "predictions", "predictions", partitions)
    yield _scores(runtime, partitions)
    yield from checks_for(runtime, "scores", "scores", partitions)
    yield _candidate_and_champion(runtime, partitions)


def waits(context: dg.AssetExecutionContext, runtime: Runtime, sprint: str, asset: dg.AssetKey) -> str | None:
    """Why a sprint cannot go on yet, told where the analyst looks; None when its past is decided."""
    try:
        champion_before(runtime, sprint)
    except PastMissing as missing:
        context.log.warning(str(missing))
        context.log_event(
            dg.AssetObservation(
                asset, partition=sprint, description=str(missing), metadata={"waits": str(missing)}
            )
        )
        return str(missing)
    return None


def _predictions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        **shell.asset_arguments(runtime, "predictions", "models", partitions, kinds={"onnx", "deltalake"}),
        deps=[dg.AssetKey([runtime.product, "question_features"])],
        output_required=False,
        pool=shell.POOL,
        description="The chance of each question of the sprint, by the champion that stood before it, and by its "
        "yardsticks.",
    )
    @shell.in_words(runtime)
    def predictions(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        sprint = context.partition_key
        if waits(context, runtime, sprint, context.asset_key):
            return
        champion = champion_before(runtime, sprint)
        if champion is None:
            note = f"no champion stood before {sprint}: no prediction was issued"
            runtime.measure("predictions", sprint, NOTHING_ISSUED, {"rows": 0, "champion": None})
            yield shell.materialized(NOTHING_ISSUED, {"dagster/row_count": 0, "note": note})
            return
        issued = promotion.predict(
            runtime, champion, runtime.lake.read(runtime.table("question_features"), [sprint])
        )
        commit = runtime.lake.write(runtime.table("predictions"), sprint, issued, sort_by=["question_id"])
        runtime.measure(
            "predictions", sprint, commit.data_version, {"rows": commit.rows, "champion": champion}
        )
        yield shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "champion": champion,
                "sample": shell.sample(issued),
                "dagster/column_schema": shell.frame_schema(issued),
            },
        )

    return predictions


def _scores(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    model = runtime.spec.model

    @dg.asset(
        **shell.asset_arguments(runtime, "scores", "models", partitions, kinds={"scikitlearn"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in ("predictions", model.outcomes)],
        pool=shell.POOL,
        description=f"How good the predictions were, once it was known who {model.positive}.",
    )
    @shell.in_words(runtime)
    def scores(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.core.hashing import canonical_json, text_hash
        from sprintline.core.statistics import binary_metrics
        from sprintline.site import plots

        sprint = context.partition_key
        outcomes = answered(runtime, sprint, runtime.rows_of(model.outcomes, sprint))
        facts: dict[str, Any] = {
            "labelled": len(outcomes),
            "positive_rate": _rate(outcomes[model.label]),
            "champion": None,
        }
        metadata: dict[str, Any] = {"positive rate": facts["positive_rate"], "labelled": len(outcomes)}
        issued = runtime.measured("predictions", sprint)
        if issued and issued.facts["champion"]:
            scored = runtime.lake.read(runtime.table("predictions"), [sprint]).merge(
                outcomes[["question_id", model.label]], on="question_id", validate="one_to_one"
            )
            label = scored[model.label].astype(int)
            metrics: dict[str, Any] = dict(binary_metrics(label, scored["probability"]))
            metrics |= {name: binary_metrics(label, scored[name]) for name in ("naive", "twin")}
            facts |= {
                "champion": issued.facts["champion"],
                "issued": issued.facts["rows"],
                "scored": len(scored),
                "metrics": metrics,
            }
            metadata |= {
                "champion": facts["champion"],
                "scored": len(scored),
                **_shown(metrics),
                "yardsticks": shell.table(
                    [
                        {"of": "champion", **_three(metrics)},
                        {"of": "naive", **metrics["naive"]},
                        {"of": "twin", **metrics["twin"]},
                    ]
                ),
                "calibration": dg.MetadataValue.md(plots.calibration(label, scored["probability"], sprint)),
            }
        version = text_hash(canonical_json(facts))
        runtime.measure("scores", sprint, version, facts)
        metadata["positive rate by sprint"] = dg.MetadataValue.md(
            plots.rates(_history(runtime, "positive_rate"), model.positive)
        )
        return shell.materialized(version, metadata)

    return scores


def _three(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in ("roc_auc", "average_precision", "brier")}


def answered(runtime: Runtime, sprint: str, outcomes: "pd.DataFrame") -> "pd.DataFrame":
    """The outcomes that have an answer.

    Raises dg.Failure for one that is neither yes nor no: read as a truth value, a number of minutes would be a rate.
    """
    from sprintline.core.training import NO_ANSWER

    model = runtime.spec.model
    known = outcomes[outcomes[model.label].notna()]
    odd = known.loc[~known[model.label].isin((0, 1)), model.label]
    if len(odd):
        raise dg.Failure(
            f"{len(odd):,} of {len(known):,} answers of {sprint} are neither yes nor no, the first is {odd.iloc[0]}: "
            f"{NO_ANSWER.format(label=model.label, outcomes=model.outcomes)}",
            allow_retries=False,
        )
    return known


def _shown(metrics: dict[str, Any]) -> dict[str, Any]:
    names = {"roc_auc": "ROC-AUC", "average_precision": "average precision", "brier": "Brier score"}
    return {
        told: "unknown: all outcomes are equal" if metrics[name] is None else round(metrics[name], 4)
        for name, told in names.items()
    }


def _rate(label: "pd.Series") -> float | None:
    return round(float(label.astype(float).mean()), 6) if len(label) else None


def _history(runtime: Runtime, fact: str) -> dict[str, float]:
    measured = runtime.history("scores")
    return {
        sprint: one.facts[fact] for sprint, one in sorted(measured.items()) if one.facts.get(fact) is not None
    }


def _candidate_and_champion(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Both in one operation: a candidate is rare, the decision is not, and each must follow the other's verdicts."""
    rules = rules_for("candidate")
    candidate, champion = (dg.AssetKey([runtime.product, name]) for name in ("candidate", "champion"))
    shared: dict[str, Any] = {
        "group_name": "models",
        "owners": runtime.spec.owners,
        "partitions_def": partitions,
        "skippable": True,
    }
    judged = [dg.AssetKey([runtime.product, name]) for name in ("question_features", "scores", "drift")]

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
                description="A model trained for a recorded trigger on sprints before this one, and judged on this "
                "one.",
            ),
            dg.AssetSpec(
                champion,
                deps=[candidate, *judged],
                kinds={"mlflow", "onnx"},
                **shared,
                description="Who serves after this sprint, and why: the promotion gate's decision, kept in the ledger.",
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
        if waits(context, runtime, sprint, candidate):
            return
        trigger, why = promotion.trigger_of(runtime, sprint, shell.actor(context))
        if trigger and promotion.left_to_the_sensor(trigger, context.run.tags):
            context.log.info(f"{sprint}: left to the retraining sensor: {trigger['why']}")
            return
        taught = None
        if trigger and candidate in context.selected_asset_keys:
            taught = promotion.taught_before(runtime, sprint)
            if lack := promotion.untaught(taught):
                # The sprint closes all the same; the next one finds the same reason to train.
                trigger, taught, why = None, None, f"{why}, but {lack}"
        if trigger and taught:
            facts, version, metadata = promotion.train_candidate(runtime, sprint, trigger, taught)
            runtime.measure("candidate", sprint, version, facts)
            failpoint("train.measured")
            card = write_card(runtime, version, sprint)
            yield shell.materialized(version, {**metadata, "card": dg.MetadataValue.md(card)}, candidate)
            yield from judged_candidate(context, runtime, rules)
        if champion in context.selected_asset_keys:
            decision = promotion.decide(runtime, sprint, trigger, why, shell.actor(context))
            yield shell.materialized(
                decision["champion_after"] or "none",
                {
                    "decision": decision["decision"],
                    "why": decision["why"],
                    "trigger": decision["trigger"] or "none",
                    "champion": decision["champion_after"] or "none",
                },
                champion,
            )

    return promote


def judged_candidate(
    context: dg.AssetExecutionContext, runtime: Runtime, rules: Sequence[Rule]
) -> Iterator[dg.AssetCheckResult]:
    """Every rule's verdict on the sprint's candidate, kept; those whose checks were asked for are also shown.

    Nothing when the sprint trained none: there is nothing to judge.
    """
    sprint = context.partition_key
    evidence, version = gather(runtime, "candidate", "candidate", sprint)
    if evidence is None:
        context.log.info(f"{sprint}: no candidate was trained, so none is judged")
        return
    verdicts = [judge(runtime, rule, "candidate", sprint, evidence, version) for rule in rules]
    runtime.records.record_verdicts(verdicts)
    asked = {key.name for key in context.selected_asset_check_keys}
    yield from (
        result(rule, one) for rule, one in zip(rules, verdicts, strict=True) if check_name(rule) in asked
    )
