"""Sprints close on a folder restored at another path, and on a PostgreSQL server, as they do at home."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from tests.postgres import running

from sprintline.base.settings import Home
from sprintline.state.hashes import parts_of
from sprintline.state.state_hash import state_hash

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

CLOSE = """
import os, sys
import dagster as dg
import products.parcels.definitions as location
from sprintline.hosting.replay import drop
from sprintline.base.settings import ROOT, home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import environment, prepare
from sprintline.landing.samples import LANDS_AFTER

prepare(home())
os.environ.update(environment(home()))
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
job = location.defs.get_repository_def().get_job("parcels_closing")
with dg.DagsterInstance.get() as instance:
    for key in sys.argv[1:]:
        runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
        drop(runtime, key, runtime.sources.provide)
        assert job.execute_in_process(partition_key=key, instance=instance).success
"""


OLD = Path(__file__).parents[1] / "fixtures" / "state" / "schema-1.tar.zst"


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


def test_sprints_close_with_records_mlflow_and_dagster_on_a_server(clone, tmp_path):
    with running(auth="trust") as server:
        secret = tmp_path / "secret"
        secret.write_text(server.database("state"))
        there = dataclasses.replace(
            clone, state=tmp_path / "state", extra=(("SPRINTLINE_DATABASE_URL_FILE", str(secret)),)
        )
        close(there, "2026-S01", "2026-S02", "2026-S03")
        sprints = list(there.sprints().values())[:3]
        assert [row["state"] for row in sprints] == ["closed"] * 3
        assert sprints[2]["trained"] == "bootstrap"
        ledger = json.loads(there.run("ledger", "verify", "--json").stdout)
        assert ledger["ok"]
        assert ledger["head_file"] == ledger["events"] > 0
        with psycopg2.connect(server.url("state")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT status, count(*) FROM sprintline_dagster.runs GROUP BY 1")
            assert cursor.fetchall() == [("SUCCESS", 3)]
            cursor.execute("SELECT count(*) FROM sprintline_mlflow.model_versions")
            assert cursor.fetchone() == (1,)
        connection.close()
        assert not [*there.state.glob("*.db"), *(there.state / "dagster").rglob("*.db")]
        assert not (there.state / "models" / "mlflow.db").exists()


def test_a_state_folder_of_schema_1_opens_and_its_next_sprint_closes(clone, tmp_path):
    """A backup of three sprints of `parcels`, made before records had scopes and events the platform's time."""
    there = dataclasses.replace(clone, state=tmp_path / "state")
    said = there.run("restore", str(OLD)).stdout
    assert "had schema 1 and" in " ".join(said.split()), said
    rows = there.sprints()
    assert [row["state"] for row in rows.values()][:4] == ["closed", "closed", "closed", "open"]
    assert (rows["2026-S03"]["trained"], rows["2026-S03"]["decision"]) == ("bootstrap", "bootstrap")
    ledger = json.loads(there.run("ledger", "verify", "--json").stdout)
    assert (ledger["ok"], ledger["events"]) == (True, 17)
    items = {one["id"]: one for one in json.loads(there.run("backlog", "--json").stdout)}
    assert items["84223862"]["sightings"] == 3 and items["84223862"]["priority"] == "normal"

    close(there, "2026-S04")
    fourth = there.sprints()["2026-S04"]
    assert fourth["state"] == "closed" and fourth["champion"] and fourth["done"]
    with sqlite3.connect(there.state / "records.db") as records:
        query = "select scope_key from measurements where asset = 'profiles' order by scope_key"
        profiled = [key for (key,) in records.execute(query)]
    assert profiled == [f"2026-S0{n}" for n in (1, 2, 3, 4)], "closed before there were profiles"
    assert json.loads(there.run("ledger", "verify", "--json").stdout)["ok"]
    live = json.loads(there.run("live", "--json").stdout)
    assert fourth["champion"] in json.dumps(live)
