"""Runs inside a clone: makes products if they are not there, and closes their first sprints in one process.

    python tests/closings.py 3 minutes=regression orders=count     in the clone's folder, with its SPRINTLINE_HOME

Each product is closed in a fork, so that the libraries are imported once for all and no product's code meets another's.
The same runs as under the daemon, without its code servers; a sprint that waits for a retraining would stay open.
Prints the seconds of each product.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from typing import Any

from sprintline.base.settings import ROOT, home
from sprintline.faults.worker import in_fork
from sprintline.hosting.in_process import materialize
from sprintline.hosting.instance import prepare
from sprintline.hosting.replay import drop
from sprintline.hosting.warm import PRELOADED, PRELOADED_LATER, preload
from sprintline.product.past import closing_of
from sprintline.product.runtime import load_runtime


def close(product: str, sprints: int) -> dict[str, Any]:
    """Land and close a product's first sprints, one by one."""
    from sprintline.landing.samples import LANDS_AFTER

    runtime = load_runtime(ROOT / "platform" / "products" / product, home())
    waits = getattr(runtime.sources, "LANDS_AFTER", LANDS_AFTER)
    for sprint in runtime.calendar.keys[:sprints]:
        drop(runtime, sprint, runtime.sources.provide)
        runtime.clock.move(runtime.window(sprint).end + waits)
        materialize(product, None, sprint)
        if closing_of(runtime, sprint) is None:
            stopped = [one for one in runtime.records.verdicts(product, sprint) if not one.passes]
            raise RuntimeError(
                f"{sprint} does not close: {[f'{one.code} {one.sentence}' for one in stopped]}"
            )
    return {}


def make(product: str, task: str) -> dict[str, Any]:
    """The sample of a task."""
    from sprintline.scaffold.task_samples import create_sample

    create_sample(product, ROOT, task)
    return {}


def main() -> None:
    """Close what the arguments name."""
    prepare(home())
    preload((*PRELOADED, *PRELOADED_LATER))
    sprints, products = int(sys.argv[1]), dict(one.partition("=")[::2] for one in sys.argv[2:])
    for product, task in products.items():
        begun = time.monotonic()
        for step in (*((partial(make, product, task),) if task else ()), partial(close, product, sprints)):
            found = in_fork(step)
            if "error" in found:
                raise SystemExit(f"{product}: {found['error']}")
        sys.stdout.write(json.dumps({product: round(time.monotonic() - begun, 1)}) + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
