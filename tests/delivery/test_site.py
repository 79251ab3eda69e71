"""The sprint site as closings write it: what it costs, what it keeps, and that it never stands in a sprint's way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tests.ledger_events import body
from tests.measured_facts import facts

from sprintline.delivery import assets as delivery
from sprintline.delivery import recorded, site
from sprintline.delivery.status import brief
from sprintline.mechanisms.reports.site import Site
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome, Severity, Verdict
from sprintline.product.events import CLOSED
from sprintline.product.runtime import Runtime

S1, S2, S3 = (f"2013-S0{n}" for n in (1, 2, 3))
UNKNOWN = {"roc_auc": None, "average_precision": None, "brier": None}
METRICS = {"roc_auc": 0.71, "average_precision": 0.4, "brier": 0.15, "naive": UNKNOWN, "twin": UNKNOWN}


@pytest.fixture
def runtime(flights: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    flights.clock.move(flights.window(S3).end)
    monkeypatch.setattr(recorded, "definition_of_done", lambda _runtime, _sprint: (Need("DQ102", "weather"),))
    return flights


def close(runtime: Runtime, sprint: str, sentence: str = "336 rows landed") -> None:
    """What a closing leaves in the records."""
    verdict = Verdict(runtime.product, sprint, "DQ102", "weather", Outcome.PASS, Severity.WARN, sentence, "w")
    runtime.records.record_verdicts([verdict])
    runtime.measure("weather", sprint, "w", facts("source", rows=336))
    scores = facts("scores", champion="m1", metrics=METRICS, positive_rate=0.2)
    runtime.measure("scores", sprint, "s", scores)
    drift = facts("drift", state="none", share=0.04, why="4% of 48 features moved")
    runtime.measure("drift", sprint, "d", drift)
    runtime.records.append(
        CLOSED, runtime.product, sprint, "test", body(CLOSED, version=sentence), key=f"{sprint}{sentence}"
    )


def contents(runtime: Runtime) -> dict[str, str]:
    root = runtime.home.site
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("[!.]*") if file.is_file()}


def test_written_sprint_by_sprint_it_is_what_is_written_at_once(runtime):
    for sprint in (S1, S2, S3):
        close(runtime, sprint)
        site.write_closing(runtime, sprint)
    grown = contents(runtime)
    shutil.rmtree(runtime.home.site)
    site.write_product(runtime)
    site.write_first(runtime.home, [runtime.product])
    assert grown == contents(runtime)
    assert {f"flight_delays/{key}.html" for key in (S1, S2, S3)} <= set(grown)
    assert "Done" in grown["index.html"] and "336 rows landed" in grown[f"flight_delays/{S2}.html"]
    assert f'href="{S3}.html"' in grown[f"flight_delays/{S2}.html"], "the one before learns of its neighbour"


def test_a_closing_reads_and_writes_its_own_part_only(runtime, monkeypatch):
    for sprint in (S1, S2):
        close(runtime, sprint)
    site.write_closing(runtime, S2)
    close(runtime, S3)
    asked: list[str | None] = []
    verdicts = type(runtime.records).verdicts

    def counted(self: Any, product: str, sprint: str | None = None) -> list[Verdict]:
        asked.append(sprint)
        return verdicts(self, product, sprint)

    monkeypatch.setattr(type(runtime.records), "verdicts", counted)
    done: list[str] = []
    needs = recorded.definition_of_done(runtime, S3)
    monkeypatch.setattr(recorded, "definition_of_done", lambda _runtime, sprint: done.append(sprint) or needs)
    written = site.write_product(runtime, S3).pages
    assert None not in asked and S1 not in {*asked, *done} and {S2, S3} <= set(done)
    assert {file.stem for file in written} == {S2, S3, "2013-S04", "rules"}, "S04 runs by now"


def test_a_restatement_of_an_old_sprint_writes_everything(runtime):
    for sprint in (S1, S2, S3):
        close(runtime, sprint)
        site.write_closing(runtime, sprint)
    close(runtime, S1, "fixed: 330 rows landed")
    assert {file.stem for file in site.write_product(runtime, S1).pages} >= {S1, S2, S3}
    assert "fixed: 330 rows landed" in contents(runtime)[f"flight_delays/{S1}.html"]


def test_each_product_writes_its_own_and_the_first_page_has_all(runtime):
    close(runtime, S1)
    site.write_closing(runtime, S1)
    other = {"product": "parcels", "title": "Parcels", "error": "defs.yaml:3: is missing"}
    site.write_broken(runtime.home, "parcels", other["error"])
    site.write_first(runtime.home)
    first = contents(runtime)["index.html"]
    assert "Flight delays" in first and "defs.yaml:3: is missing" in first
    site.write_first(runtime.home, ["flight_delays"])
    first = contents(runtime)["index.html"]
    assert "Parcels" not in first and not (runtime.home.site / "parcels").exists()


def test_a_part_that_does_not_read_is_written_anew(runtime):
    close(runtime, S1)
    site.write_closing(runtime, S1)
    (runtime.home.site / "flight_delays" / "sprints.json").write_text("half a su")
    close(runtime, S2)
    site.write_closing(runtime, S2)
    part = Site(runtime.home.site).part("flight_delays", "sprints")
    assert part is not None and {row["sprint"] for row in part.data["sprints"]} >= {S1, S2}


def as_first_version(runtime: Runtime) -> None:
    """Make the site what the first version left: no manifest, and a summary in place of the part of the first page."""
    root = runtime.home.site
    (root / "manifest.json").unlink()
    part = root / "flight_delays" / "sprints.json"
    data = json.loads(part.read_text())["data"]
    del data["latest"]
    data["sprints"] = [
        {name: value for name, value in row.items() if name not in ("questions", "brief", "more")}
        for row in data["sprints"]
    ]
    (part.parent / "summary.json").write_text(json.dumps(data))
    part.unlink()


def test_a_site_of_the_first_version_goes_on(runtime):
    for sprint in (S1, S2):
        close(runtime, sprint)
    site.write_closing(runtime, S2)
    before = contents(runtime)
    as_first_version(runtime)
    (runtime.home.site / "flight_delays" / "notes.html").write_text("of a person")
    site.write_broken(runtime.home, "parcels", "defs.yaml:3: is missing")
    site.write_first(runtime.home)
    between = contents(runtime)
    assert "Flight delays" in between["index.html"], "another product that writes loses nobody's part"
    assert between[f"flight_delays/{S1}.html"] == before[f"flight_delays/{S1}.html"]
    close(runtime, S3)
    assert site.write_closing(runtime, S3).notes == []
    after = contents(runtime)
    assert {f"flight_delays/{key}.html" for key in (S1, S2, S3)} <= set(after)
    assert "flight_delays/summary.json" not in after and after["flight_delays/notes.html"] == "of a person"
    owned = Site(runtime.home.site).entries()
    assert owned[f"flight_delays/{S1}.html"].report == "sprint" and "flight_delays/notes.html" not in owned


@pytest.mark.fault
@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_closing_killed_while_it_writes_is_repaired_by_the_next(runtime, monkeypatch, dies_at):
    for sprint in (S1, S2):
        close(runtime, sprint)
    site.write_closing(runtime, S2)
    close(runtime, S3)
    write, writes = Site.write, []

    def dying(self: Site, name: str, text: str) -> Path:
        writes.append(name)
        if len(writes) > dies_at:
            raise KeyboardInterrupt
        return write(self, name, text)

    monkeypatch.setattr(Site, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        site.write_closing(runtime, S3)
    monkeypatch.setattr(Site, "write", write)
    assert site.write_closing(runtime, S3).notes == []
    repaired = contents(runtime)
    shutil.rmtree(runtime.home.site)
    site.write_product(runtime)
    site.write_first(runtime.home, [runtime.product])
    assert repaired == contents(runtime)


def test_pages_of_a_sprint_that_is_not_shown_go_and_other_files_stay(runtime):
    close(runtime, S1)
    site.write_closing(runtime, S1)
    root = runtime.home.site / "flight_delays"
    (root / "2012-S01.html").write_text("of a person")
    runtime.records.remove(runtime.product, "test")
    site.write_product(runtime)
    assert sorted(one.name for one in root.glob("*.html")) == ["2012-S01.html"]


def test_a_reason_is_shortened_at_the_end_of_a_clause(runtime):
    why = "the sensor has too few rows to say, by " + "1,000 " * 20 + "of them; the rest of the reason"
    close(runtime, S1)
    runtime.measure("drift", S1, "d2", facts("drift", state="none", share=0.04, why=why))
    site.write_closing(runtime, S1)
    first = contents(runtime)["index.html"]
    short, whole = brief(why)
    assert not whole and f'{short} <a href="flight_delays/{S1}.html#decision">(more)</a>' in first
    assert "…" not in first and why in contents(runtime)[f"flight_delays/{S1}.html"]


def test_what_cannot_be_written_leaves_the_page_as_it_was(tmp_path, monkeypatch):
    pages = Site(tmp_path / "site")
    pages.write("index.html", "the last good one")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        pages.write("index.html", "half")
    assert pages.first.read_text() == "the last good one"
    assert [file.name for file in pages.root.iterdir()] == ["index.html"]


def backlog_of(runtime: Runtime) -> dg.AssetsDefinition:
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    (asset,) = [
        one
        for one in delivery.definitions(runtime, partitions)
        if isinstance(one, dg.AssetsDefinition) and dg.AssetKey([runtime.product, "backlog"]) in one.keys
    ]
    return asset


@pytest.mark.parametrize("writable", [True, False])
def test_the_backlog_is_told_whether_the_site_can_be_written_or_not(runtime, writable):
    close(runtime, S1)
    if not writable:
        runtime.home.site.write_text("a file where the folder should be")
    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize(
            [backlog_of(runtime)], instance=instance, partition_key=S1, selection="flight_delays/backlog"
        )
        warned = [
            event.message
            for event in instance.all_logs(ran.run_id)
            if "The sprint site was not written" in event.user_message
        ]
    assert ran.success
    metadata = ran.asset_materializations_for_node("flight_delays__backlog")[0].metadata
    assert metadata["board"].value == "nothing is open"
    assert ("site" in metadata) is writable and bool(warned) is not writable
    if writable:
        assert json.loads((runtime.home.site / "flight_delays" / "sprints.json").read_text())["data"][
            "sprints"
        ]
