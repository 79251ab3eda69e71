"""Two products and several sprints at once, through the queue and past it, never meet a lock error."""

from __future__ import annotations

import re
import subprocess
import sys

import dagster as dg
import pytest

from sprintline.base.settings import Home
from sprintline.state.hashes import parts_of
from sprintline.state.state_hash import state_hash

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

PRODUCTS = ("parcels", "letters")
SPRINTS = ("2026-S01", "2026-S02")

LAND = """
import sys
from sprintline.hosting.replay import drop
from sprintline.base.settings import ROOT, home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import prepare
from sprintline.landing.samples import LANDS_AFTER

prepare(home())
for product in sys.argv[2:]:
    runtime = load_runtime(ROOT / "platform" / "products" / product)
    for key in runtime.calendar.keys[:int(sys.argv[1])]:
        drop(runtime, key, runtime.sources.provide)
runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
"""

#: Closes a sprint in a process that was not queued, as `dg launch` does.
CLOSE = """
import sys
from importlib import import_module
import dagster as dg

product, sprint = sys.argv[1:]
location = import_module(f"products.{product}.definitions")
job = location.defs.get_repository_def().get_job(f"{product}_closing")
with dg.DagsterInstance.get() as instance:
    done = job.execute_in_process(partition_key=sprint, instance=instance, raise_on_error=False)
sys.exit(0 if done.success else 3)
"""

LOCKED = re.compile(
    r"could not set lock|database is locked|database table is locked|conflicting lock|deadlock|BlockingIOError",
    re.IGNORECASE,
)


def python(clone, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=clone.root, env=clone.env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_what_runs_at_once_meets_no_lock(clone, monkeypatch):
    clone.run("new", PRODUCTS[1])
    landed = python(clone, LAND, str(len(SPRINTS)), *PRODUCTS)
    assert landed.communicate()[1] == "" and landed.returncode == 0
    # A daemon with two code locations closes what landed, each sprint in a run of its own; beside it the same sprints
    # are closed by processes that know nothing of its queue.
    replay = clone.start("replay", PRODUCTS[0], "--sprints", str(len(SPRINTS)))
    beside = [python(clone, CLOSE, product, sprint) for product in PRODUCTS for sprint in SPRINTS]
    said = [one.communicate(timeout=500)[1] for one in beside]
    said.append(replay.communicate(timeout=500)[1])
    assert [one.returncode for one in beside] == [0] * len(beside), said
    assert replay.returncode == 0, said

    monkeypatch.setenv("DAGSTER_HOME", str(clone.state / "dagster"))
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs()
        assert len(runs) >= len(beside) + len(SPRINTS)
        for run in runs:
            for entry in instance.all_logs(run.run_id):
                said.append(
                    f"{entry.user_message} {entry.dagster_event and entry.dagster_event.event_specific_data}"
                )
    met = [found.group(0) for text in said if (found := LOCKED.search(text))]
    assert not met

    # Done once more, alone and in order, nothing changes: whoever came first and last, all wrote the same.
    before = state_hash(parts_of(PRODUCTS[0], Home(clone.state)))
    for sprint in SPRINTS:
        again = python(clone, CLOSE, PRODUCTS[0], sprint)
        assert again.communicate(timeout=300)[1] is not None and again.returncode == 0
    assert state_hash(parts_of(PRODUCTS[0], Home(clone.state))) == before
