"""A state folder goes through a backup to another path, and closes its next sprint there as it would have at home."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from sprintline.core.state import state_hash
from sprintline.settings import Home
from sprintline.stores.state import parts_of

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

CLOSE = """
import sys
import dagster as dg
import products.parcels.definitions as location
from sprintline.cli.replay import LANDS_AFTER, drop
from sprintline.settings import ROOT, home
from sprintline.stages.runtime import load_runtime
from sprintline.stores.instance import prepare

prepare(home())
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in sys.argv[1:]:
        runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
        drop(runtime, key, runtime.sources.provide)
        assert job.execute_in_process(partition_key=key, instance=instance).success
"""


def close(clone, *sprints: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CLOSE, *sprints], cwd=clone.root, env=clone.env,
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def whole(clone) -> str:
    return state_hash(parts_of("parcels", Home(clone.state)))


def test_a_restored_folder_closes_the_next_sprint_as_the_first_one_does(clone, tmp_path):
    close(clone, "2026-S01", "2026-S02", "2026-S03")
    file = tmp_path / "saved.tar.zst"
    saved = json.loads(clone.run("backup", str(file), "--json").stdout)
    before = whole(clone)
    close(clone, "2026-S04")
    events = json.loads(clone.run("ledger", "verify", "--json").stdout)["events"]
    hidden = clone.state.rename(clone.state.with_name("hidden"))  # whatever still looks there finds nothing

    there = dataclasses.replace(clone, state=tmp_path / "elsewhere" / "state")
    there.run("restore", str(file))
    assert whole(there) == before
    ledger = json.loads(there.run("ledger", "verify", "--json").stdout)
    assert (ledger["ok"], ledger["events"]) == (True, saved["ledger"]["seq"])
    close(there, "2026-S04")
    assert whole(there) == whole(dataclasses.replace(clone, state=hidden))
    ledger = json.loads(there.run("ledger", "verify", "--json").stdout)
    assert (ledger["ok"], ledger["events"]) == (True, events)
    made = json.loads(there.run("reproduce", "parcels:candidate", "--json").stdout)
    assert made["reproduced"], made["sentence"]
