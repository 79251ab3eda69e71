"""The sample of each task reaches a champion that is better than the naive baseline on a sprint it had not seen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sprintline.base.settings import ROOT
from sprintline.learning.tasks import tasks
from sprintline.scaffold.task_samples import SAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

CLOSED = 3
"""The second sprint trains the first model, the third is predicted by it."""


@pytest.fixture(scope="module")
def closed(clone) -> dict[str, list[dict]]:
    """Every product's sprints, of one process that closed them all."""
    clone.run("remove", clone.product, "--yes")
    products = {f"sample_{name}": name for name in SAMPLES if name in tasks()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "closings.py"), str(CLOSED)]
        + [f"{product}={task}" for product, task in products.items()],
        cwd=clone.root, env=clone.env, text=True, capture_output=True, timeout=1800,
    )  # fmt: skip
    log = clone.root / "trial.log"
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    found = json.loads(clone.run("status", "--json").stdout)["products"]
    return {products[one["product"]]: one["sprints"] for one in found}


@pytest.mark.parametrize("name", SAMPLES)
def test_its_champion_is_better_than_the_naive_baseline(closed, name):
    if name not in tasks():
        pytest.skip(f"the task {name} is not there yet")
    rows = closed[name]
    task, last = tasks()[name], rows[CLOSED - 1]
    assert rows[CLOSED - 2]["decision"] == "bootstrap" and last["champion"], rows[:CLOSED]
    assert last["state"] == "closed" and last["done"], last
    metrics = last["metrics"]
    assert metrics[task.decides] < 0.9 * metrics["naive"][task.decides], metrics
    assert metrics[task.quality] > 0.1, metrics
