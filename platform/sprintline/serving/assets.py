"""Serving: the predictions of a sprint, by the champion before it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.checks import checks_for
from sprintline.mechanisms.rules.terms import BASELINES
from sprintline.product import assets as shell
from sprintline.product.facts import PredictionsFacts
from sprintline.product.runtime import Runtime
from sprintline.release.live import live
from sprintline.release.needs import refuse_unmet_needs
from sprintline.serving.evidence import NOTHING_ISSUED
from sprintline.serving.predict import predict


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The predictions and their checks."""
    yield _predictions(runtime, partitions)
    yield from checks_for(runtime, "predictions", "predictions", partitions)


def _predictions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        **shell.asset_arguments(runtime, "predictions", "models", partitions, kinds={"onnx", "deltalake"}),
        deps=[dg.AssetKey([runtime.product, "question_features"])],
        output_required=False,
        pool=shell.POOL,
        description="A prediction for each question. By the champion from before it, and by baselines: "
        f"{BASELINES}.",
    )
    @shell.in_words(runtime)
    def predictions(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        sprint = context.partition_key
        if shell.waits(context, runtime, sprint, context.asset_key):
            return
        champion = live(runtime, sprint)
        if champion is None:
            note = f"there was no champion before {sprint}: no prediction was issued"
            none: PredictionsFacts = {"rows": 0, "champion": None}
            runtime.measure("predictions", sprint, NOTHING_ISSUED, none)
            yield shell.materialized(NOTHING_ISSUED, {"dagster/row_count": 0, "note": note})
            return
        refuse_unmet_needs(runtime, champion)
        issued = predict(runtime, champion, runtime[Lake].read(runtime.table("question_features"), [sprint]))
        commit = runtime[Lake].write(runtime.table("predictions"), sprint, issued, sort_by=["question_id"])
        facts: PredictionsFacts = {"rows": commit.rows, "champion": champion.model_id}
        runtime.measure("predictions", sprint, commit.data_version, facts)
        yield shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "champion": champion.model_id,
                "sample": shell.sample(issued),
                "dagster/column_schema": shell.frame_schema(issued),
            },
        )

    return predictions
