"""The job that retrains a sprint's candidate."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.target import ExecutableDefinition

from sprintline.product.runtime import Runtime
from sprintline.release.assets import RETRAINED


def jobs(runtime: Runtime, assets: Sequence[Any]) -> Iterator[ExecutableDefinition]:
    """The jobs of this subject."""
    yield dg.define_asset_job(
        f"{runtime.product}_retraining",
        selection=dg.AssetSelection.assets(*(dg.AssetKey([runtime.product, name]) for name in RETRAINED)),
        description="A candidate trained on what is known, judged on one sprint, promoted or held.",
    )
