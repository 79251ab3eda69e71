"""The sample of each task passes `sprintline check`, and its first candidate is better than the naive baseline."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sprintline.base.settings import ROOT, Home
from sprintline.learning.tasks import tasks
from sprintline.product.past import decision_of
from sprintline.product.runtime import load_runtime
from sprintline.scaffold.task_samples import SAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

CLOSED = 3
"""With the third sprint the first model is trained on the two before it and judged on this one."""


@pytest.fixture(scope="module")
def closed(clone) -> str:
    """Every product closed by one process; what `sprintline check` says of them."""
    clone.run("remove", clone.product, "--yes")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "closings.py"), str(CLOSED)]
        + [f"sample_{name}={name}" for name in SAMPLES],
        cwd=clone.root, env=clone.env, text=True, capture_output=True, timeout=1800,
    )  # fmt: skip
    log = clone.root / "trial.log"
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    return clone.run("check").stdout


@pytest.mark.parametrize("name", SAMPLES)
def test_its_candidate_is_better_than_the_naive_baseline(clone, closed, name):
    assert closed.endswith(": sound\n") and f"sample_{name}" in closed
    runtime = load_runtime(clone.root / "platform" / "products" / f"sample_{name}", Home(clone.state))
    sprint = runtime.calendar.keys[CLOSED - 1]
    decision = decision_of(runtime, sprint)
    assert decision and decision["decision"] == "bootstrap" and decision["champion_after"], decision
    judged = runtime.history("candidate")[sprint].facts["by_model"]
    decides = tasks()[name].decides
    assert judged["candidate"][decides] < judged["naive"][decides], judged
