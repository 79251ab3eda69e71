"""A sprint closed twice, four times at once, after kills, or out of order leaves what one quiet closing leaves.

The state hash is over contents; beside it each test asks for the effects that must have happened exactly once.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

#: What a worker is: the closing job of one sprint on the folder's real instance, as `dg launch` runs it.
CLOSE = """
import sys
import dagster as dg
import products.parcels.definitions as location

job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in sys.argv[1:]:
        done = job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)
        if not done.success:
            sys.exit(3)
"""
LAND = """
import sys
from sprintline.cli.replay import LANDS_AFTER, drop
from sprintline.settings import ROOT, home
from sprintline.stages.runtime import load_runtime
from sprintline.stores.instance import prepare

prepare(home())
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
for key in runtime.calendar.keys[:4]:
    drop(runtime, key, runtime.sources.provide)
runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
"""
PLAN = """
import json
import dagster as dg
from sprintline.settings import ROOT
from sprintline.stages.runtime import load_runtime
from sprintline.stages.sensors import plan

with dg.DagsterInstance.get() as instance:
    asked, notes = plan(load_runtime(ROOT / "platform" / "products" / "parcels"), instance)
    print(json.dumps({"asked": [one.partition_key for one in asked], "notes": notes}))
"""
S1, S2, S3, S4 = (f"2026-S0{n}" for n in range(1, 5))


def python(clone, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=clone.root,
        env=clone.env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{out[-3000:]}\n{err[-3000:]}"
    return out


def state(clone) -> dict[str, str]:
    """Hash by part, and of the whole under an empty name."""
    told = json.loads(clone.run("state-hash", clone.product, "--json").stdout)
    parts = {f"{one['room']}/{one['table']}/{one['sprint']}": one["hash"] for one in told["parts"]}
    return {**parts, "": told["hash"]}


def effects(clone) -> dict[str, int]:
    """How often each thing happened that may happen once: events of the ledger, registered models."""
    code = (
        "import json\n"
        "from sprintline.settings import ROOT, home\n"
        "from sprintline.stages.runtime import load_runtime\n"
        "runtime = load_runtime(ROOT / 'platform' / 'products' / 'parcels')\n"
        "found = [f'{e.kind} {e.sprint}' for e in runtime.records.events(product='parcels')]\n"
        "found += [f'version {v.version}' for v in runtime.models._client.search_model_versions()]\n"
        "print(json.dumps(found))"
    )
    return dict(Counter(json.loads(ended(python(clone, code)).splitlines()[-1])))


class Folder:
    """The state folder with the marks set on it: each restore brings it back, at its own path."""

    def __init__(self, clone, marks: Path) -> None:
        self.clone, self.marks = clone, marks
        self.hashes: dict[str, dict[str, str]] = {}
        self.effects: dict[str, dict[str, int]] = {}
        self.seconds = 0.0

    def mark(self, name: str) -> None:
        shutil.copytree(self.clone.state, self.marks / name)
        self.hashes[name], self.effects[name] = state(self.clone), effects(self.clone)

    def restore(self, name: str):
        shutil.rmtree(self.clone.state)
        shutil.copytree(self.marks / name, self.clone.state)
        return self.clone


@pytest.fixture(scope="module")
def folder(clone, tmp_path_factory) -> Folder:
    """Closed in order and undisturbed: S01 and S02, then S03, at whose end a model is trained, then S04."""
    made = Folder(clone, tmp_path_factory.mktemp("marks"))
    ended(python(clone, LAND))
    ended(python(clone, CLOSE, S1, S2))
    made.mark(S2)
    begun = time.monotonic()
    ended(python(clone, CLOSE, S3))
    made.seconds = time.monotonic() - begun
    made.mark(S3)
    ended(python(clone, CLOSE, S4))
    made.mark(S4)
    assert len({made.hashes[name][""] for name in (S2, S3, S4)}) == 3, "the hash follows what is there"
    return made


def test_closed_twice(folder):
    clone = folder.restore(S4)
    ended(python(clone, CLOSE, S3, S4))
    assert state(clone) == folder.hashes[S4]
    assert effects(clone) == folder.effects[S4]


def test_closed_four_times_at_once(folder):
    clone = folder.restore(S2)
    workers = [python(clone, CLOSE, S3) for _ in range(4)]
    for worker in workers:
        ended(worker)
    assert state(clone) == folder.hashes[S3]
    assert effects(clone) == folder.effects[S3]
    assert json.loads(clone.run("ledger", "verify", "--json").stdout)["ok"]


@pytest.mark.fault
def test_killed_at_moments_drawn_by_chance(folder):
    clone = folder.restore(S2)
    seed = int(os.environ.get("SPRINTLINE_KILL_SEED") or time.time_ns() % 10**6)
    draw, moments = random.Random(seed), []
    for _ in range(4):
        worker = python(clone, CLOSE, S3)
        # The first third of a worker's life goes into imports, where there is nothing to tear.
        moments.append(draw.uniform(folder.seconds / 3, folder.seconds))
        try:
            worker.wait(moments[-1])
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
    ended(python(clone, CLOSE, S3))
    told = f"seed {seed}: killed after {[round(one, 2) for one in moments]} s"
    assert state(clone) == folder.hashes[S3], told
    assert effects(clone) == folder.effects[S3], told
    assert json.loads(clone.run("ledger", "verify", "--json").stdout)["ok"], told


def test_out_of_order_a_sprint_waits_says_why_and_goes_on(folder):
    clone = folder.restore(S2)
    ended(python(clone, CLOSE, S4))
    assert clone.sprints()[S4]["state"] != "closed"
    # With a file of S03 missing; else the sensor would ask for both, S03 first.
    orders = next((clone.state / "landing" / clone.product / "orders").glob(f"{S3}.csv*"))
    orders.rename(clone.state / orders.name)
    told = json.loads(ended(python(clone, PLAN)).splitlines()[-1])
    assert told["asked"] == []
    assert f"{S3} waits for a file of orders" in told["notes"]
    assert (
        f"{S4} waits: {S3} is not closed, so the champion that stood before {S4} is unknown" in told["notes"]
    )
    (clone.state / orders.name).rename(orders)
    ended(python(clone, CLOSE, S3))
    assert json.loads(ended(python(clone, PLAN)).splitlines()[-1])["asked"] == [S4]
    ended(python(clone, CLOSE, S4))
    assert clone.sprints()[S4]["state"] == "closed"
    assert state(clone) == folder.hashes[S4]
    assert effects(clone) == folder.effects[S4]
