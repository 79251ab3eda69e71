"""The jobs of delivery: close a sprint, and try one again whose run failed."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition
from pydantic import Field

from sprintline.base.people import person
from sprintline.delivery.retry import RetryError, retry, retry_all
from sprintline.product.runtime import Runtime
from sprintline.product.sensors import going_on


class RetryConfig(dg.Config):
    """A retry: a sprint whose runs failed is tried again by its sensor."""

    sprint: str = Field(
        default="", description="the sprint, like 2013-S07; empty for every sprint that failed"
    )
    by: str = Field(
        default="",
        description="who does this; empty for the run's `user` tag, else the user who runs the platform",
    )


def jobs(runtime: Runtime, assets: Sequence[Any]) -> Iterator[ExecutableDefinition]:
    """The jobs of this subject. assets: every assets definition of the product."""
    yield dg.define_asset_job(
        f"{runtime.product}_closing",
        selection=dg.AssetSelection.assets(*assets),
        description="Everything from the landed files to the decision and the Definition of Done, for one sprint.",
    )
    yield _retry(runtime)


def _retry(runtime: Runtime) -> dg.JobDefinition:
    told = f"{RetryConfig.__doc__} Recorded in the ledger, as `sprintline retry` records it."

    @dg.op(
        name=f"{runtime.product}__retry",
        description=told,
        config_schema=RetryConfig.to_config_schema().as_field(),
        out=dg.Out(dg.Nothing),
    )
    def retried(context: dg.OpExecutionContext) -> None:
        sprint = str(context.op_config["sprint"])
        actor = person(str(context.op_config["by"]), context.run.tags)

        def run_of(of: Runtime, key: str) -> str | None:
            found = going_on(context.instance, of.product, key)
            return found[0].run_id[:8] if found else None

        try:
            done, left = (
                ([retry(runtime, sprint, actor, run_of)], []) if sprint else retry_all(runtime, actor, run_of)
            )
        except RetryError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        sentences = [*map(str, done), *left] or [
            f"{runtime.product}: nothing to retry, no sprint has a failed run"
        ]
        for sentence in sentences:
            context.log.info(sentence)
        context.add_output_metadata({"retried": "\n\n".join(sentences)})

    @dg.job(
        name=f"{runtime.product}_retry",
        description=told,
        config=dg.RunConfig(ops={f"{runtime.product}__retry": RetryConfig()}),
    )
    def retrying() -> None:
        retried()

    return retrying
