"""Bad files through the real raw assets: refused with a reason, the others proceed, the fixed file is enough."""

from __future__ import annotations

import gzip

import dagster as dg
import pandas as pd
import pytest

from sprintline.hosting.replay import drop
from sprintline.lake.tables import Lake
from sprintline.landing.assets import definitions as raw_definitions
from sprintline.mechanisms.backlog.update import board_of
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.product.runtime import Runtime

SPRINT = "2013-S01"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as one:
        yield one


@pytest.fixture
def landed(flights: Runtime) -> Runtime:
    flights.clock.move(
        flights.window(SPRINT).end + (flights.window(SPRINT).end - flights.window(SPRINT).start) / 14
    )
    drop(flights, SPRINT, flights.sources.provide)
    return flights


def close(runtime: Runtime, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    built = list(raw_definitions(runtime, partitions))
    return dg.materialize(built, partition_key=SPRINT, instance=instance, raise_on_error=False)


def weather_file(runtime: Runtime):
    return runtime.home.landing / "flight_delays" / "weather" / f"{SPRINT}.csv.gz"


def text_of(runtime: Runtime) -> str:
    return gzip.decompress(weather_file(runtime).read_bytes()).decode()


def rewrite(runtime: Runtime, text: str | bytes) -> None:
    weather_file(runtime).write_bytes(gzip.compress(text if isinstance(text, bytes) else text.encode()))


def shorter(runtime):
    data = weather_file(runtime).read_bytes()
    weather_file(runtime).write_bytes(data[: len(data) // 2])


def flipped(runtime):
    data = bytearray(weather_file(runtime).read_bytes())
    data[len(data) // 2] ^= 0x10
    weather_file(runtime).write_bytes(bytes(data))


def foreign(runtime):
    rewrite(runtime, text_of(runtime).replace("EWR", "EWÜ", 1).encode("latin-1"))


def fewer_columns(runtime):
    rewrite(runtime, "\n".join(line.rpartition(",")[0] for line in text_of(runtime).splitlines()) + "\n")


def more_columns(runtime):
    lines = text_of(runtime).splitlines()
    rewrite(runtime, "\n".join([lines[0] + ",mood", *(line + ",1" for line in lines[1:])]) + "\n")


def words_for_numbers(runtime):
    lines = text_of(runtime).splitlines()
    cells = lines[3].split(",")
    cells[lines[0].split(",").index("temp")] = "warm"
    rewrite(runtime, "\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n")


def header_only(runtime):
    rewrite(runtime, text_of(runtime).splitlines()[0] + "\n")


def empty(runtime):
    weather_file(runtime).write_bytes(b"")


def doubled(runtime):
    lines = text_of(runtime).splitlines()
    rewrite(runtime, "\n".join([*lines, lines[5]]) + "\n")


def other_year(runtime):
    rewrite(runtime, text_of(runtime).replace("2013-01-05T", "2012-01-05T"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (shorter, "cut off"),
        (flipped, ""),
        (foreign, "UTF-8"),
        (fewer_columns, "time_hour"),
        (more_columns, "mood"),
        (words_for_numbers, "temp"),
        (header_only, "no row"),
        (empty, "empty"),
        (doubled, ""),
        (other_year, ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_bad_file_stops_only_its_own_source(landed, instance, spoil, told):
    good = weather_file(landed).read_bytes()
    spoil(landed)
    assert not close(landed, instance).success

    assert landed[Lake].rows("flight_delays/departures", SPRINT) > 12_000
    assert landed[Lake].rows("flight_delays/arrivals", SPRINT) > 12_000
    assert not landed[Lake].has("flight_delays/weather", SPRINT)
    assert not weather_file(landed).exists()
    (event,) = landed.records.events(kind="refused")
    assert told.lower() in event.body["reason"].lower()
    assert len(event.body["reason"]) < 2000
    refused = landed.home.root / event.body["quarantine"]
    assert refused.is_file()
    (verdict,) = [v for v in landed.records.verdicts("flight_delays", SPRINT) if v.asset == "weather"]
    assert (verdict.code, verdict.outcome) == ("DQ101", "fail")
    (item,) = board_of(landed)
    assert item.open and (item.code, item.asset, item.severity) == ("DQ101", "weather", "error")

    weather_file(landed).write_bytes(good)
    assert close(landed, instance).success
    assert landed[Lake].rows("flight_delays/weather", SPRINT) > 900
    assert all(v.passes for v in landed.records.verdicts("flight_delays", SPRINT))


def test_a_bad_restatement_leaves_the_last_good_version(landed, instance):
    assert close(landed, instance).success
    before = landed[Lake].data_version("flight_delays/weather", SPRINT)
    shorter(landed)
    assert not close(landed, instance).success
    assert landed[Lake].data_version("flight_delays/weather", SPRINT) == before


def test_every_landed_row_says_when_it_was_known(landed, instance):
    assert close(landed, instance).success
    for table, after in (("departures", "dep_delay"), ("arrivals", "arr_delay")):
        rows = landed[Lake].read(f"flight_delays/{table}", [SPRINT])
        assert rows["known_at"].notna().all()
        left = rows[rows[after].notna()]
        assert (left["known_at"] >= left["event_at"] - pd.Timedelta(minutes=60)).all()


def test_run_twice_and_the_lake_stays_as_it_was(landed, instance):
    assert close(landed, instance).success
    versions = {
        t: landed[Lake].data_version(f"flight_delays/{t}", SPRINT)
        for t in ("departures", "arrivals", "weather")
    }
    assert close(landed, instance).success
    assert versions == {t: landed[Lake].data_version(f"flight_delays/{t}", SPRINT) for t in versions}


def test_a_fault_planted_in_the_lake_is_seen_by_the_check(landed, instance):
    assert close(landed, instance).success
    rows = landed[Lake].read("flight_delays/weather", [SPRINT])
    landed[Lake].write(
        "flight_delays/weather", SPRINT, rows.drop(columns="sprint").iloc[5:], sort_by=["origin", "event_at"]
    )
    partitions = dg.StaticPartitionsDefinition(list(landed.calendar.keys))
    checks = [one for one in raw_definitions(landed, partitions) if isinstance(one, dg.AssetChecksDefinition)]
    job = dg.Definitions(
        assets=[
            one
            for one in raw_definitions(landed, partitions)
            if not isinstance(one, dg.AssetChecksDefinition)
        ],
        asset_checks=checks,
        # Dagster finds a job's partitions on its assets, so one asset comes along; weather itself is not built again.
        jobs=[
            dg.define_asset_job(
                "only_checks",
                dg.AssetSelection.all_asset_checks()
                | dg.AssetSelection.assets(["flight_delays", "arrivals"]),
            )
        ],
    ).get_job_def("only_checks")
    result = job.execute_in_process(partition_key=SPRINT, instance=instance, raise_on_error=False)
    failing = {one.check_name for one in result.get_asset_check_evaluations() if not one.passed}
    # The contract was compared with the rows that were accepted, so of these no one can say whether they keep it.
    assert failing == {"DQ104_lake_holds_what_was_accepted", "DQ101_keeps_its_contract"}
    said = {
        one.code: one for one in landed.records.verdicts("flight_delays", SPRINT) if one.asset == "weather"
    }
    assert (said["DQ104"].outcome, said["DQ101"].outcome) == (Outcome.FAIL, Outcome.INSUFFICIENT)
    # The verdicts name the rows that were judged, which are not those on record.
    assert said["DQ104"].data_version == landed[Lake].data_version("flight_delays/weather", SPRINT)
    assert said["DQ104"].data_version != landed.measurement("weather", SPRINT).data_version
