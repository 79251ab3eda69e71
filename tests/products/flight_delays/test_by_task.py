"""The published figures of the flights under other tasks come out again: the first sprint that a champion predicted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.products.flight_delays import by_task
from tests.products.flight_delays.other_tasks import ASKED, PRODUCT

from sprintline.base.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

CLOSED = 5
"""Three sprints that the first champion learns from, one on which it is judged, and one that it predicts."""
IN_EVERY_RUN = "regression"
NEAR = 0.01
"""Sums of floats differ between processors, so trees may; on the machine of publication the figures are equal."""
PUBLISHED = json.loads(by_task.OUT.read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_figures():
    assert PUBLISHED and set(PUBLISHED) <= set(ASKED)
    assert by_task.OUT.with_suffix(".md").read_text(encoding="utf-8") == by_task.page(PUBLISHED)


@pytest.mark.parametrize(
    # Two minutes each, of the same code but for the task: `make test` replays one, `make prove ARGS=flights` all.
    "task",
    [pytest.param(task, marks=[pytest.mark.proof] * (task != IN_EVERY_RUN)) for task in PUBLISHED],
)
def test_the_published_figures_come_out_again(task, tmp_path):
    clone, state = by_task.make_clone(tmp_path / "clone", task), tmp_path / "state"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests/closings.py"), str(CLOSED), PRODUCT],
        cwd=clone, env=by_task.environment(clone, state), capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found, published = by_task.figures(state, task), PUBLISHED[task]["sprints"]
    sprint = next(iter(published))
    assert list(found) == [sprint] and found[sprint]["rows"] == published[sprint]["rows"] > 10_000
    assert found[sprint]["without"] == published[sprint]["without"]
    for forecast, figures in published[sprint]["figures"].items():
        near = NEAR if forecast in ("prediction", "twin") else 1e-6
        assert found[sprint]["figures"][forecast] == pytest.approx(figures, rel=near), forecast
    decides = ASKED[task].columns[0]
    model, naive = (found[sprint]["figures"][one][decides] for one in ("prediction", "naive"))
    assert model < naive
