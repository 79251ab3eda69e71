"""A backfill, without any sensor, gives the state that the sensors gave."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

BACKFILL = """
import os, sys
import dagster as dg
from sprintline.hosting.replay import drop
from sprintline.base.settings import ROOT, home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import prepare
from sprintline.landing.samples import LANDS_AFTER
import products.parcels.definitions as location

prepare(home())
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in runtime.calendar.keys[: int(sys.argv[1])]:
        runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
        drop(runtime, key, runtime.sources.provide)
    for key in runtime.calendar.keys[: int(sys.argv[1])]:
        done = job.execute_in_process(partition_key=key, instance=instance, tags={"dagster/backfill": "by-hand"})
        assert done.success
"""
SAME = (
    "sprint",
    "rows",
    "done",
    "rules",
    "champion",
    "trained",
    "metrics",
    "drift",
    "decision",
    "positive_rate",
)


def test_a_backfill_without_sensors_gives_the_same_state(clone, tmp_path):
    clone.run("replay", clone.product, "--sprints", "4")
    other = dataclasses.replace(clone, state=tmp_path / "state")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BACKFILL, "4"], cwd=clone.root, env=other.env,
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = (list(place.sprints().values())[:4] for place in (clone, other))
    assert [{name: row[name] for name in SAME} for row in one] == [
        {name: row[name] for name in SAME} for row in two
    ]
