"""Monitoring: does the sprint still look like the data its champion was trained on?"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.lake.tables import Lake
from sprintline.mechanisms.reports.kept import keep
from sprintline.mechanisms.rules.checks import checks_for
from sprintline.mechanisms.rules.terms import BASELINES
from sprintline.monitoring.facts import ScoreMetrics, ScoresFacts
from sprintline.monitoring.reports import Reports
from sprintline.product import assets as shell
from sprintline.product.facts import PredictionsFacts
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import rows_of
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """Scores and drift, with their checks."""
    yield _scores(runtime, partitions)
    yield from checks_for(runtime, "scores", "scores", partitions)
    yield _drift(runtime, partitions)
    yield from checks_for(runtime, "drift", "drift", partitions)


def _drift(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:

    @dg.asset(
        **shell.asset_arguments(runtime, "drift", "monitoring", partitions, kinds={"evidently"}),
        deps=[
            dg.AssetKey([runtime.product, name])
            for name in ("predictions", "question_features", runtime.spec.model.outcomes)
        ],
        pool=shell.POOL,
        description="Does the sprint look like the training data? An Evidently report of its "
        "features and its labelled errors, and the verdict read from both.",
    )
    @shell.in_words(runtime)
    def drift(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.base.hashing import canonical_json, text_hash
        from sprintline.learning import plots
        from sprintline.monitoring.measure import measure_drift
        from sprintline.monitoring.moved import MOVED, moved, predictions_told

        sprint = context.partition_key
        facts = measure_drift(runtime, sprint)
        version = text_hash(canonical_json(facts))
        runtime.measure("drift", sprint, version, facts)
        if why := keep(runtime, MOVED, sprint, version, lambda: moved(runtime, sprint, facts)):
            context.log.warning(f"What moved in {sprint} was not drawn: {why}")
        metadata: dict[str, Any] = {
            "state": facts["state"],
            "why": facts["why"],
            "drifted": ", ".join(facts["drifted"]) or "nothing",
            "moved, too little to be drift": ", ".join(
                name for name in facts.get("moved", {}) if name not in facts["drifted"]
            )
            or "nothing",
            "since": facts["since"] or "not confirmed",
        }
        if facts["distances"]:
            far = {name: distance / facts["limits"][name] for name, distance in facts["distances"].items()}
            far |= facts.get("moved", {})
            metadata["distance by statistic"] = dg.MetadataValue.md(
                plots.bars(far, f"Distance from the training data over what is ordinary, {sprint}", 1.0)
            )
            metadata["report"] = str(runtime[Reports].path("drift", sprint).relative_to(runtime.home.root))
        if told := predictions_told(facts):
            metadata["predictions"] = told
        if facts["concept"]:
            metadata["errors"] = facts["concept"]["why"]
        if runtime[Reports].page("drift", sprint).is_file():
            page = runtime[Reports].page("drift", sprint)
            metadata["page"] = dg.MetadataValue.path(str(page.relative_to(runtime.home.root)))
        return shell.materialized(version, metadata)

    return drift


def _scores(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    model = runtime.spec.model

    @dg.asset(
        **shell.asset_arguments(runtime, "scores", "models", partitions, kinds={"scikitlearn"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in ("predictions", model.outcomes)],
        pool=shell.POOL,
        description=f"How good the predictions turned out to be. The answer: {model.positive}. "
        f"Beside the champion are its baselines: {BASELINES}.",
    )
    @shell.in_words(runtime)
    def scores(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.base.hashing import canonical_json, text_hash
        from sprintline.learning import plots
        from sprintline.learning.tasks import task_of
        from sprintline.monitoring.diagnosis import DIAGNOSIS, diagnose
        from sprintline.monitoring.fitness import answers

        sprint, task = context.partition_key, task_of(runtime)
        outcomes = answered(runtime, sprint, rows_of(runtime[Warehouse], model.outcomes, sprint))
        levels = task.levels(outcomes[model.label])
        facts: ScoresFacts = {"labelled": len(outcomes), **levels, "champion": None}  # type: ignore[typeddict-item]
        told, level = _level(levels)
        metadata: dict[str, Any] = {told: level, "labelled": len(outcomes)}
        predictions = runtime.measured("predictions", sprint)
        issued: PredictionsFacts | None = predictions.facts if predictions else None
        if issued and issued["champion"]:
            scored = (
                runtime[Lake]
                .read(runtime.table("predictions"), [sprint])
                .merge(outcomes[["question_id", model.label]], on="question_id", validate="one_to_one")
            )
            label = task.coded(scored[model.label]).to_numpy()
            predictions_of = task.of(scored, task.column)
            metrics: ScoreMetrics = {
                **task.measure(label, predictions_of),
                "naive": task.measure(label, task.of(scored, "naive")),
                "twin": task.measure(label, task.of(scored, "twin")),
            }
            plot, drawn = task.plot(label, predictions_of, sprint)
            facts |= {
                "champion": issued["champion"],
                "issued": issued["rows"],
                "scored": len(scored),
                "metrics": metrics,
            }
            if given := answers(runtime, sprint):
                facts["answers"] = given
            metadata |= {
                "champion": facts["champion"],
                "scored": len(scored),
                **{
                    one.title: _shown(metrics[one.name], one.chance)  # type: ignore[literal-required]
                    for one in task.metrics
                },
                "baselines": shell.table(
                    [
                        {"of": "champion", **_three(metrics)},
                        {"of": "naive", **metrics["naive"]},
                        {"of": "twin", **metrics["twin"]},
                    ]
                ),
                "baselines are": BASELINES,
                plot: dg.MetadataValue.md(drawn),
            }
        version = text_hash(canonical_json(facts))
        runtime.measure("scores", sprint, version, facts)
        champion = facts["champion"]
        if why := keep(
            runtime, DIAGNOSIS, sprint, version,
            lambda: diagnose(runtime, sprint, champion) if champion else None,
        ):  # fmt: skip
            context.log.warning(f"Where the predictions of {sprint} were right was not drawn: {why}")
        metadata[f"{told} by sprint"] = dg.MetadataValue.md(plots.by_sprint(*_lines(runtime, model.positive)))
        return shell.materialized(version, metadata)

    return scores


def _three(metrics: ScoreMetrics) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in ("naive", "twin")}


def answered(runtime: Runtime, sprint: str, outcomes: "pd.DataFrame") -> "pd.DataFrame":
    """The outcomes that have an answer.

    Raises dg.Failure for one that is none of the task's: read as a truth value, a number of minutes would be a rate.
    """
    from sprintline.learning.tasks import task_of

    model, task = runtime.spec.model, task_of(runtime)
    known = outcomes[outcomes[model.label].notna()]
    odd = known.loc[task.odd(known[model.label]), model.label]
    if len(odd):
        raise dg.Failure(
            f"{len(odd):,} of {len(known):,} answers of {sprint} are not {task.answers}, the first is {odd.iloc[0]}: "
            f"{task.told(model.label, model.outcomes)}",
            allow_retries=False,
        )
    return known


def _shown(value: float | None, chance: bool) -> float | str:
    if value is None:
        return "unknown: all outcomes are equal" if chance else "unknown"
    return round(value, 4)


def _level(levels: Mapping[str, Any]) -> tuple[str, Any]:
    """What the answers of a sprint are like: what it is called, and its value as it is shown."""
    if "shares" in levels:
        shares = levels["shares"] or {}
        return "classes", ", ".join(f"{name} {share:.1%}" for name, share in shares.items()) or "unknown"
    if "mean_answer" in levels:
        return "mean answer", levels["mean_answer"]
    return "positive rate", levels["positive_rate"]


def _lines(runtime: Runtime, told: str) -> tuple[dict[str, dict[str, float]], str, bool]:
    """The answers of every sprint that was scored, as `plots.by_sprint` draws them."""
    scores: dict[str, ScoresFacts] = {
        key: one.facts for key, one in sorted(runtime.history("scores").items())
    }
    lines: dict[str, dict[str, float]] = {}
    title, share = f"Share that {told}", True
    found: Mapping[str, float | None]
    for sprint, one in scores.items():
        if "shares" in one:
            title, found = "Shares of the classes", one["shares"] or {}
        elif "mean_answer" in one:
            title, share, found = f"Mean of {told}", False, {"mean": one["mean_answer"]}
        else:
            found = {"share": one["positive_rate"]}
        for name, value in found.items():
            if value is not None:
                lines.setdefault(name, {})[sprint] = value
    return lines, title, share
