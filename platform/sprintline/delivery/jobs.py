"""The job that closes a sprint."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition

from sprintline.product.runtime import Runtime


def jobs(runtime: Runtime, assets: Sequence[Any]) -> Iterator[ExecutableDefinition]:
    """The jobs of this subject. assets: every assets definition of the product."""
    yield dg.define_asset_job(
        f"{runtime.product}_closing",
        selection=dg.AssetSelection.assets(*assets),
        description="Everything from the landed files to the decision and the Definition of Done, for one sprint.",
    )
