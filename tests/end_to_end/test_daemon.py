"""Files land, and sensors in a real daemon close sprints; no one else starts a run. Slow: real processes and stores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import dagster as dg
import pandas as pd
import pytest
from tests.parts import require_proc

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]


@pytest.fixture(scope="module")
def replayed(clone):
    clone.run("replay", clone.product, "--sprints", "4")
    left = clone.processes()
    assert not left, f"left by a replay that ended by itself: {left}"
    return clone


@pytest.fixture
def instance(replayed, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(replayed.state / "dagster"))
    with dg.DagsterInstance.get() as one:
        yield one


def test_three_sprints_and_more_are_closed_and_say_so(replayed):
    rows = list(replayed.sprints().values())[:4]
    assert [row["state"] for row in rows] == ["closed"] * 4
    for row in rows:
        assert row["rows"]["deliveries"] > 0
        assert row["decision"] in {"none", "bootstrap", "promote", "hold"}
        assert row["why"]
        assert set(row["rules"]) >= {"pass", "fail", "insufficient", "not_passing"}


def test_a_champion_is_trained_for_a_recorded_trigger_and_serves_the_sprint_after(replayed):
    rows = list(replayed.sprints().values())[:4]
    trained = next(place for place, row in enumerate(rows) if row["trained"] == "bootstrap")
    assert rows[trained]["champion"] is None
    assert rows[trained + 1]["champion"]
    metrics = rows[trained + 1]["metrics"]
    for scores in (metrics, metrics["naive"], metrics["twin"]):
        assert 0 < scores["roc_auc"] < 1
        assert 0 < scores["average_precision"] < 1
        assert 0 < scores["brier"] < 1


def test_every_run_carries_a_sensors_tag_and_succeeded(instance):
    runs = instance.get_runs()
    assert len(runs) >= 4
    for run in runs:
        assert run.tags["dagster/sensor_name"] in {"parcels_landing", "parcels_retraining"}
        assert run.status is dg.DagsterRunStatus.SUCCESS


def test_each_rule_is_an_asset_check_per_sprint(instance):
    from dagster._core.event_api import PartitionKeyFilter

    key = dg.AssetCheckKey(dg.AssetKey(["parcels", "deliveries"]), "DQ101_keeps_its_contract")
    for sprint in list(instance.get_materialized_partitions(key.asset_key))[:3]:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [key], partition_filter=PartitionKeyFilter(key=sprint)
        )
        assert found[key].evaluation.passed
        assert sprint in found[key].evaluation.description


def test_the_ledger_is_whole_and_a_second_replay_changes_nothing(replayed, instance):
    before, runs = replayed.sprints(), len(instance.get_runs())
    assert json.loads(replayed.run("ledger", "verify", "--json").stdout)["ok"]
    replayed.run("replay", replayed.product, "--sprints", "4")
    assert replayed.sprints() == before
    assert len(instance.get_runs()) == runs


@pytest.mark.fault
def test_a_replay_that_is_stopped_leaves_no_process_and_the_next_goes_on(replayed):
    require_proc()
    for how, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        sprints = str(closed(replayed) + 1)
        replay = replayed.start("replay", replayed.product, "--sprints", sprints)
        try:
            until(lambda: replayed.workers(), 240, "a run's worker")
            os.kill(replay.pid, how)
            assert replay.wait(120) == code
        finally:
            replay.kill()
        if how is signal.SIGINT:
            left = replayed.processes()
            assert not left, "one that can still say something waits until all have ended"
        until(lambda: not replayed.processes(), 120, "the end of every process")
    sprints = closed(replayed) + 1
    replayed.run("replay", replayed.product, "--sprints", str(sprints))
    assert closed(replayed) == sprints


def closed(clone) -> int:
    return sum(row["state"] == "closed" for row in clone.sprints().values())


def until(true, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come within {seconds:.0f} s"
        time.sleep(0.1)


def test_the_notebook_runs_on_closed_sprints_and_changes_nothing(replayed):
    before = replayed.run("state-hash").stdout
    replayed.run("notebook", replayed.product)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", f"notebooks/{replayed.product}.py"], cwd=replayed.root, env=replayed.env,
        text=True, capture_output=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.count(".") == 3}
    assert {"model", "twin", "naive", "live"} <= set(figures)
    assert float(figures["model"][0]) > float(figures["naive"][0]) > 0.5
    assert replayed.run("state-hash").stdout == before


def test_rows_of_a_file_are_predicted_as_in_a_closing(replayed, tmp_path):
    """Of the last sprint's questions; then without the features, which are looked up."""
    read = (
        "import sys; from sprintline.base.settings import ROOT, home; from sprintline.lake.tables import Lake\n"
        "from sprintline.product.runtime import load_runtime\n"
        "r = load_runtime(ROOT / 'platform' / 'products' / sys.argv[1])\n"
        "key = r[Lake].sprints(r.table('predictions'))[-1]\n"
        "for name in ('question_features', 'predictions'):\n"
        "    rows = r[Lake].read(r.table(name), [key]).sort_values('question_id')\n"
        "    rows.to_parquet(f'{sys.argv[2]}/{name}.parquet')\n"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", read, replayed.product, str(tmp_path)], cwd=replayed.root,
        env=replayed.env, check=True, timeout=100,
    )  # fmt: skip
    asked = pd.read_parquet(tmp_path / "question_features.parquet")
    issued = pd.read_parquet(tmp_path / "predictions.parquet")
    (now,) = json.loads(replayed.run("live", replayed.product, "--json").stdout)["products"]
    live = now["live"]["model_id"]
    file = tmp_path / "asked.csv"
    asked.to_csv(file, index=False)
    said = json.loads(replayed.run("predict", replayed.product, "--input", str(file), "--json").stdout)
    assert (said["rows"], said["model"], said["looked_up"]) == (len(asked), live, [])
    again = pd.read_csv(tmp_path / "asked.predicted.csv")
    if issued["model_id"].unique().tolist() == [live]:
        assert again["probability"].to_numpy() == pytest.approx(issued["probability"].to_numpy(), abs=1e-6)
    assert list(again.columns) == [*asked.columns, "model_id", "probability", "twin", "naive"]

    features = [name for name in asked if name.startswith("courier_")]
    asked.drop(columns=features).to_parquet(tmp_path / "bare.parquet")
    out = replayed.run("predict", replayed.product, "--input", str(tmp_path / "bare.parquet")).stdout
    assert all(name in out for name in features) and "Looked up in the online store" in out
    bare = pd.read_parquet(tmp_path / "bare.predicted.parquet")
    assert bare["probability"].between(0, 1).all() and bare["probability"].nunique() > 10

    asked.assign(weekday="Monday").to_csv(file, index=False)
    for more, told in (
        (["--output", str(tmp_path / "new.csv")], "weekday of row 1 is 'Monday', no number"),
        ([], "is there already: name another with --output, or give --force"),
    ):
        refused = replayed.run("predict", replayed.product, "--input", str(file), *more, check=False)
        assert refused.returncode and told in " ".join(refused.stderr.split()), refused.stderr
    asked.drop(columns=["weekday", "courier", *features]).to_csv(file, index=False)
    refused = replayed.run("predict", replayed.product, "--input", str(file), "--force", check=False)
    assert "has no column weekday, courier, which the live model needs" in " ".join(refused.stderr.split())


def test_after_a_reset_the_same_files_close_to_the_same_state(replayed):
    """The last test of this file: it clears what the others look at."""

    def hashes() -> list[str]:
        return [one for one in replayed.run("state-hash").stdout.splitlines() if "2026-S01" in one.split()]

    before = hashes()
    assert len(before) > 5
    replayed.run("reset", replayed.product, "--yes")
    assert hashes() == [] and closed(replayed) == 0
    replayed.run("replay", replayed.product, "--sprints", "1")
    assert hashes() == before
    (first, *_) = replayed.sprints().values()
    assert (first["state"], first["champion"], first["restated"]) == ("closed", None, [])
    assert json.loads(replayed.run("ledger", "verify", "--json").stdout)["ok"]
