"""Writes the snapshot of what is live: `python -m sprintline.serving.gateway.prepare PRODUCT`.

A process of its own, because it reads Feast's store: the gateway itself never imports Feast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.serving.gateway.snapshot import FORMAT, Snapshot, View, save

if TYPE_CHECKING:
    from sprintline.product.runtime import Runtime


def prepare(runtime: Runtime) -> str:
    """Write the snapshot of the live model and its features; its name.

    Raises:
        Refusal: nothing is live yet.
        StepFailed: the live model needs an input that nothing gives any more.
        ReleaseError: the release is missing or not the one in the ledger.
    """
    from sprintline.features.store import FeatureStore
    from sprintline.learning.registry import Models
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.release.live import live
    from sprintline.release.needs import refuse_unmet_needs

    model = live(runtime) if existing_records(runtime.home) is not None else None
    if model is None:
        raise Refusal(
            f"{runtime.product} has no live model yet: close more sprints (sprintline replay {runtime.product})"
        )
    refuse_unmet_needs(runtime, model)
    runtime[Models].release(model.model_id, model.release_digest)  # whole, or nothing is prepared
    service, windows = runtime.spec.features.service, map(runtime.window, runtime.calendar.keys)
    return save(
        runtime.home.serving / runtime.product,
        Snapshot(
            FORMAT,
            runtime.product,
            model.model_id,
            model.release_digest,
            service,
            tuple(View(*view) for view in runtime[FeatureStore].published(service)),
            tuple((one.key, int(one.start.timestamp()), int(one.end.timestamp())) for one in windows),
        ),
    )


def main() -> int:
    """Prepare one product; what went wrong is the last line of stderr."""
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    try:
        runtime = load_runtime(chosen_folders(settings.ROOT, sys.argv[1])[0], settings.home())
        sys.stdout.write(f"{prepare(runtime)}\n")
    # Whatever it is, the gateway goes on with what it has, and says this.
    except Exception as error:  # noqa: BLE001
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
