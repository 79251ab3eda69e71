"""A sprint closed twice, four times at once, or out of order leaves what one quiet closing leaves.

The state hash is over contents; beside it each test asks for the effects that must have happened exactly once.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from tests.end_to_end.conftest import LAND, S1, S2, S3, S4

from sprintline.base.settings import Home
from sprintline.delivery.sensors import plan
from sprintline.mechanisms.ledger.records import Records
from sprintline.product.runtime import load_runtime
from sprintline.state.hashes import parts_of
from sprintline.state.state_hash import state_hash

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

#: A worker: the closing job of some sprints on the folder's real instance, in a process of its own as `dg launch` runs
#: it. Given a folder, it leaves a copy of the state there after each sprint.
CLOSE = """
import os, shutil, sys
import dagster as dg
import products.parcels.definitions as location

marks, keys = sys.argv[1], sys.argv[2:]
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in keys:
        done = job.execute_in_process(partition_key=key, instance=instance, raise_on_error=False)
        if not done.success:
            sys.exit(3)
        if marks:
            shutil.copytree(os.environ["SPRINTLINE_HOME"], f"{marks}/{key}")
"""


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


def state(folder: Path) -> dict[str, str]:
    """Hash by part, and of the whole under an empty name."""
    parts = parts_of("parcels", Home(folder))
    return {
        **{f"{one.room}/{one.table}/{one.sprint}": one.hash for one in parts},
        "": state_hash(parts),
    }


def effects(folder: Path) -> dict[str, int]:
    """How often each thing happened that may happen once: events of the ledger, registered models."""
    found: list[str] = []
    asked = {
        "records.db": "select kind || ' ' || sprint from ledger where product = 'parcels'",
        "models/mlflow.db": "select 'version ' || version from model_versions",
    }
    for file, query in asked.items():
        if (folder / file).exists():
            with closing(sqlite3.connect(folder / file)) as connection:
                found += [row[0] for row in connection.execute(query)]
    return dict(Counter(found))


def whole(folder: Path) -> bool:
    return Records(Home(folder).records_url).verify().ok


class Folder:
    """The state folder and the marks left on its way: each restore brings one back, at the folder's own path."""

    def __init__(self, clone, marks: Path) -> None:
        self.clone, self.marks = clone, marks
        ended(python(clone, LAND))
        ended(python(clone, CLOSE, str(marks), S1, S2, S3, S4))

    def restore(self, sprint: str):
        shutil.rmtree(self.clone.state)
        shutil.copytree(self.marks / sprint, self.clone.state)
        return self.clone

    def assert_same(self, sprint: str, told: str = "") -> None:
        assert state(self.clone.state) == state(self.marks / sprint), told
        assert effects(self.clone.state) == effects(self.marks / sprint), told
        assert whole(self.clone.state), told


@pytest.fixture(scope="module")
def folder(clone, tmp_path_factory) -> Folder:
    """Four sprints closed in order and undisturbed; at the end of the third a model is trained."""
    return Folder(clone, tmp_path_factory.mktemp("marks"))


def test_the_hash_follows_what_is_there(folder):
    assert len({state(folder.marks / key)[""] for key in (S1, S2, S3, S4)}) == 4
    told = folder.restore(S4).run("state-hash", "parcels").stdout.splitlines()
    assert told[-1] == state(folder.marks / S4)[""]
    assert len(told) == len(state(folder.marks / S4))
    rooms = {line.split()[1].split("/")[1] for line in told[:-1]}
    assert rooms == {"lake", "warehouse", "online"}
    as_json = json.loads(folder.clone.run("state-hash", "parcels", "--json").stdout)
    assert as_json["hash"] == told[-1] and len(as_json["parts"]) == len(told) - 1


def test_closed_twice(folder):
    clone = folder.restore(S4)
    ended(python(clone, CLOSE, "", S3, S4))
    folder.assert_same(S4)


def test_closed_four_times_at_once(folder):
    clone = folder.restore(S2)
    workers = [python(clone, CLOSE, "", S3) for _ in range(4)]
    for worker in workers:
        ended(worker)
    folder.assert_same(S3)


def test_out_of_order_a_sprint_waits_says_why_and_goes_on(folder, monkeypatch):
    clone = folder.restore(S2)
    monkeypatch.setenv("DAGSTER_HOME", str(clone.state / "dagster"))
    here = load_runtime(clone.root / "platform" / "products" / clone.product, Home(clone.state))
    why = f"{S4} waits: {S3} is not closed, so the champion before {S4} is unknown"

    ended(python(clone, CLOSE, "", S4))
    assert effects(clone.state) == effects(folder.marks / S2), "nothing was decided or closed"
    with dg.DagsterInstance.get() as instance:
        seen = instance.fetch_observations(dg.AssetKey(["parcels", "predictions"]), limit=1).records
        assert [one.asset_observation.description for one in seen] == [why]
        # With a file of S03 missing; else the sensor would ask for both, S03 first.
        orders = next((clone.state / "landing" / clone.product / "orders").glob(f"{S3}.csv*"))
        orders.rename(clone.state / orders.name)
        requests, notes = plan(here, instance)
        assert (requests, notes) == ([], [f"{S3} waits for a file of orders", why])
        (clone.state / orders.name).rename(orders)

    ended(python(clone, CLOSE, "", S3))
    with dg.DagsterInstance.get() as instance:
        assert [one.partition_key for one in plan(here, instance)[0]] == [S4]
    ended(python(clone, CLOSE, "", S4))
    folder.assert_same(S4)
