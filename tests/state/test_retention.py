"""What is old goes, and nothing that a kept model, a verdict or a person still needs."""

import json
import os
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner

from sprintline.base.settings import SettingError
from sprintline.cli.main import cli
from sprintline.lake.tables import Lake, LakeError
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.state.backup import BackupError, keeping
from sprintline.state.retention import prune_files
from sprintline.state.sensors import EVERY_SECONDS, prune, retention_sensor, sentence

TABLE, SPRINT = "bakery/question_features", "2026-S01"
LONG_AGO = timedelta(days=400)


def aged(file, by=LONG_AGO):
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text("old")
    then = (datetime.now(UTC) - by).timestamp()
    os.utime(file, (then, then))
    return file


def write(lake, number):
    return lake.write(TABLE, SPRINT, pd.DataFrame({"id": [number, number + 1]}), sort_by="id").data_version


def keep_model(home, data_version, model_id="m1"):
    folder = home.models / "releases" / model_id
    folder.mkdir(parents=True)
    snapshot = {"data_versions": {TABLE: {SPRINT: data_version}}}
    (folder / "manifest.json").write_text(json.dumps({"model_id": model_id, "snapshot": snapshot}))
    return folder


def age_lake(home):
    for file in home.lake.rglob("*"):
        if file.is_file():
            aged(file)
    for log in home.lake.glob("*/*/_delta_log/*.json"):
        then = int((datetime.now(UTC) - LONG_AGO).timestamp() * 1000)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        for line in lines:
            if "remove" in line:
                line["remove"]["deletionTimestamp"] = then
        log.write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_lake_files_that_a_kept_model_was_made_from_stay_and_all_other_old_ones_go(home):
    lake = Lake(home.lake)
    versions = [write(lake, number) for number in range(4)]
    keep_model(home, versions[1])
    age_lake(home)
    (orphan := lake.path(TABLE) / f"sprint={SPRINT}" / "part-killed.parquet").write_bytes(b"half a file")
    aged(orphan)
    foreseen = prune_files(home, datetime.now(UTC), dry=True)[0]
    assert orphan.exists()
    done = prune_files(home, datetime.now(UTC), dry=False)[0]
    assert done == foreseen
    assert done.removed == 3  # two versions no one needs, and what a killed writer left
    assert not orphan.exists()
    assert lake.read(TABLE, version=lake.version_with(TABLE, SPRINT, versions[1]))["id"].tolist() == [1, 2]
    assert lake.read(TABLE)["id"].tolist() == [3, 4]
    for gone in (versions[0], versions[2]):
        with pytest.raises(LakeError, match="vacuumed"):
            lake.read(TABLE, version=lake.version_with(TABLE, SPRINT, gone))
    log = len(list((lake.path(TABLE) / "_delta_log").glob("*.json")))
    assert prune_files(home, datetime.now(UTC), dry=False)[0].removed == 0
    assert (
        len(list((lake.path(TABLE) / "_delta_log").glob("*.json"))) == log
    )  # a vacuum of nothing notes nothing


def test_a_young_version_stays_for_whoever_reads_it(home):
    lake = Lake(home.lake)
    versions = [write(lake, number) for number in range(2)]
    assert prune_files(home, datetime.now(UTC), dry=False)[0].removed == 0
    assert lake.read(TABLE, version=lake.version_with(TABLE, SPRINT, versions[0]))["id"].tolist() == [0, 1]


def test_nothing_leaves_the_lake_while_it_is_unknown_what_a_model_needs(home):
    lake = Lake(home.lake)
    versions = [write(lake, number) for number in range(2)]
    (keep_model(home, versions[0]) / "manifest.json").write_text("{")
    age_lake(home)
    done = prune_files(home, datetime.now(UTC), dry=False)[0]
    assert done.removed == 0
    assert "what a model needs is unknown" in done.note


def test_pages_refused_files_and_compiled_sql_go_by_their_age(home):
    stamp = f"{datetime.now(UTC) - LONG_AGO:%Y%m%dT%H%M%S%f}Z-0123456789ab-2026-S01.csv"
    today = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-0123456789ab-2026-S01.csv"
    refused = home.quarantine / "bakery" / "orders" / SPRINT
    old = [
        aged(home.reports / "bakery" / "drift" / "2025-S01.html"),
        aged(refused / stamp, timedelta(0)),
        aged(refused / f"{stamp}.reason.json", timedelta(0)),
        aged(home.dbt / "bakery" / "target" / "compiled" / "sprintline" / "models" / "x.sql"),
        aged(home.dbt / "bakery" / "logs" / "dbt.log"),
    ]
    kept = [
        aged(home.reports / "bakery" / "drift" / "2025-S01.json"),
        aged(home.reports / "bakery" / "drift" / "2026-S01.html", timedelta(days=3)),
        aged(refused / today),  # the provider's file was old when it came
        aged(home.dbt / "bakery" / "target" / "manifest.json"),
        aged(home.landing / "bakery" / "orders" / "2025-S01.csv"),
        aged(home.models / "cards" / "m1.md"),
    ]
    done = {one.what: one.removed for one in prune_files(home, datetime.now(UTC), dry=False)}
    assert (done["drift pages"], done["refused files"], done["dbt's logs and compiled SQL"]) == (1, 2, 2)
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in kept)


# --- Dagster's logs


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
    check_specs=[dg.AssetCheckSpec("fresh", asset="bread")],
)
def bread():
    yield dg.MaterializeResult(metadata={"loaves": 3}, check_results=[dg.AssetCheckResult(passed=True)])


@pytest.fixture
def instance(home):
    home.dagster.mkdir()
    with dg.DagsterInstance.local_temp(str(home.dagster)) as one:
        yield one


def test_logs_of_old_runs_go_and_what_they_made_stays(home, instance, monkeypatch):
    old, young = (dg.materialize([bread], instance=instance, partition_key=key).run_id for key in "ab")
    records = open_records(home)
    records.record_verdicts(
        [Verdict("bakery", SPRINT, "DQ101", "bread", Outcome.PASS, Severity.ERROR, "fine", "v1")]
    )
    ended = instance.get_run_record_by_id(old).end_time
    just_then = type("JustThen", (), {"now": lambda _: datetime.fromtimestamp(ended + 0.001, UTC)})
    monkeypatch.setattr("sprintline.state.sensors.datetime", just_then)
    monkeypatch.setenv("SPRINTLINE_KEEP_RUN_LOGS_DAYS", "0")
    foreseen = prune(home, instance, dry=True)
    assert len(instance.all_logs(old)) > 5
    done = prune(home, instance)
    assert (done[0].what, done[0].removed) == ("logs of old runs", 1)
    assert foreseen[0].removed == 1
    assert sentence(done).startswith("pruned 1 logs of old runs (")
    assert [len(instance.all_logs(run)) > 5 for run in (old, young)] == [False, True]
    assert instance.get_run_by_id(old).is_success
    assert instance.get_materialized_partitions(bread.key) == {"a", "b"}
    made = instance.get_latest_materialization_event(bread.key).asset_materialization
    assert made.metadata["loaves"].value == 3
    check = dg.AssetCheckKey(bread.key, "fresh")
    assert len(instance.event_log_storage.get_asset_check_execution_history(check, limit=5)) == 2
    assert len(records.verdicts("bakery")) == 1


def test_the_sensor_prunes_once_a_day_and_says_what_went(flights, instance):
    aged(flights.home.reports / "flight_delays" / "drift" / "2012-S01.html")
    sensor = retention_sensor(flights)
    assert sensor.minimum_interval_seconds == EVERY_SECONDS
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING

    def tick():
        return retention_sensor(flights)(dg.build_sensor_context(instance=instance)).skip_message

    assert tick() == "pruned 1 drift pages (0.0 MB)"
    assert tick() == "nothing is old enough to be pruned"
    with keeping(flights.home):
        assert "by another process" in tick()


def test_a_wrong_setting_removes_nothing(home, instance, monkeypatch):
    page = aged(home.reports / "bakery" / "drift" / "2025-S01.html")
    monkeypatch.setenv("SPRINTLINE_KEEP_LAKE_DAYS", "ever")
    with pytest.raises(SettingError, match="KEEP_LAKE_DAYS is 'ever'"):
        prune(home, instance)
    assert page.exists()


def test_the_command_prunes_and_a_backup_keeps_it_waiting(home):
    page = aged(home.reports / "bakery" / "drift" / "2025-S01.html")
    run = CliRunner()
    assert (
        "1  drift pages (kept for 365 days)"
        in run.invoke(cli, ["prune", "--dry-run"], standalone_mode=False).stdout
    )
    assert page.exists()
    with keeping(home):
        assert isinstance(run.invoke(cli, ["prune"], standalone_mode=False).exception, BackupError)
    told = json.loads(run.invoke(cli, ["prune", "--json"], standalone_mode=False).stdout)
    assert [one["removed"] for one in told["pruned"] if one["what"] == "drift pages"] == [1]
    assert not page.exists()
