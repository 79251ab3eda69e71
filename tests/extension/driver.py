"""Run steps of the platform on the tests' small clone in a process of its own, with the extensions that it is given.

Reads a JSON list of steps: `["close", SPRINT]` records a closing and writes its part of the site as the asset `backlog`
does; anything else is a command line. Prints a JSON list with exit code, standard output and error of each step.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from sprintline.base import settings
from sprintline.cli.main import main
from sprintline.delivery.site import write_closing
from sprintline.product.runtime import load_runtime
from sprintline.warehouse.dbt import Warehouse

CLONE = Path(__file__).parents[1] / "fixtures" / "clone"
UNKNOWN = {"roc_auc": None, "average_precision": None, "brier": None}
METRICS = {"roc_auc": 0.71, "average_precision": 0.4, "brier": 0.15, "naive": UNKNOWN, "twin": UNKNOWN}


def close(sprint):
    runtime = load_runtime(CLONE / "platform" / "products" / "flight_delays")
    runtime.clock.move(runtime.window(sprint).end)
    runtime.measure("questions", sprint, sprint, {"rows": 1000 + int(sprint[-2:])})
    scores = {"labelled": 1000, "champion": "m1", "metrics": METRICS, "positive_rate": 0.2}
    runtime.measure("scores", sprint, sprint, scores)
    closing = {
        "tables": {}, "metrics": None, "rules": {}, "files": {}, "done": True, "missing": [], "needs": [],
        "version": sprint,
    }  # fmt: skip
    runtime.records.append("closed", runtime.product, sprint, "test", closing, key=sprint)
    return {"code": 0, "out": "", "err": "\n".join(write_closing(runtime, sprint).notes)}


def call(arguments):
    sys.argv, out, err = ["sprintline", *arguments], io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            return {"code": ended.code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    settings.ROOT = CLONE
    Warehouse.manifest = {"nodes": {}}
    steps = json.load(sys.stdin)
    print(json.dumps([close(step[1]) if step[0] == "close" else call(step) for step in steps]))
