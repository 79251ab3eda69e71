"""A failure that follows from a declaration changed under closed sprints is told with that cause."""

from __future__ import annotations

import dagster as dg
import pandas as pd
import pytest
from tests.measured_facts import facts

from sprintline.base import settings
from sprintline.lake.tables import Lake
from sprintline.landing import assets as landing_assets
from sprintline.landing.declared_then import changed_since
from sprintline.landing.folder import Landing
from sprintline.product.run_errors import RunError
from sprintline.product.runtime import load_runtime
from sprintline.scaffold.create import create_product

DEFS = "platform/products/bakery/defs.yaml"
S1, S2, S3 = "2026-S01", "2026-S02", "2026-S03"


@pytest.fixture
def root(tmp_path, monkeypatch):
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    create_product("bakery", tmp_path)
    return tmp_path


def loaded(root, tmp_path, old: str = "", new: str = ""):
    """The product with something replaced in its defs.yaml."""
    text = (root / DEFS).read_text()
    assert old in text
    (root / DEFS).write_text(text.replace(old, new, 1) if old else text)
    return load_runtime(root / "platform/products/bakery", settings.Home(tmp_path / "home"))


@pytest.fixture
def closed(root, tmp_path):
    """S01 and S02 have rows of both sources from their first to their last hour."""
    bakery = loaded(root, tmp_path)
    for sprint in (S1, S2):
        window = bakery.window(sprint)
        moments = pd.date_range(window.start, window.end, freq="h", inclusive="left")
        for source in ("orders", "deliveries"):
            frame = pd.DataFrame({"event_at": moments, "id": range(len(moments))})
            bakery[Lake].write(bakery.table(source), sprint, frame, sort_by=["id"])
            bakery.measure(source, sprint, "v", facts("source", rows=len(moments)))
    return bakery


@pytest.mark.parametrize("sprint", [S1, S2, S3])
def test_a_sound_product_has_no_such_cause(closed, sprint):
    assert changed_since(closed, sprint) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("length_days: 7", "length_days: 14"),
        ("length_days: 7", "length_days: 5"),
        ("Europe/Berlin", "America/New_York"),
        ("Europe/Berlin", "UTC"),
        ('start: "2026-01-05"', 'start: "2026-01-06"'),
    ],
)
def test_a_calendar_changed_under_closed_sprints_is_told_with_its_line(closed, root, tmp_path, old, new):
    (told,) = changed_since(loaded(root, tmp_path, old, new), S3)
    line = next(i for i, text in enumerate((root / DEFS).read_text().splitlines(), 1) if "calendar:" in text)
    assert told.startswith(f"{DEFS}:{line}: {S2} closed on rows of orders from 2026-01-11 23:00 to ")
    assert "was changed under closed sprints; put it back" in told


def test_a_source_that_is_gone_is_told(closed, root, tmp_path):
    text = (root / DEFS).read_text()
    start = text.index("    - name: deliveries")
    end = text.index("\n\n", start)
    (told,) = changed_since(loaded(root, tmp_path, text[start:end], ""), S3)
    assert (
        told.startswith(f"{DEFS}:") and f"{S2} closed on the source deliveries, which is not declared" in told
    )


def test_a_sound_file_stays_in_landing_when_the_calendar_is_the_cause(closed, root, tmp_path):
    changed = loaded(root, tmp_path, "length_days: 7", "length_days: 14")
    frame = closed.sources.provide(closed.window(S3))["orders"]
    place = changed.home.landing / "bakery" / "orders" / f"{S3}.csv"
    place.parent.mkdir(parents=True)
    frame.to_csv(place, index=False)
    import os

    os.utime(place, (1, 1))
    file = changed[Landing].scan("bakery", "orders", changed.calendar.keys).files[S3]
    with pytest.raises(Exception, match="length_days, lengths or timezone was changed") as failed:
        landing_assets.accept(dg.build_asset_context(), changed, "orders", file)
    assert "What failed: 2026-S03.csv of orders: " in str(failed.value) and place.is_file()
    assert not list(changed.home.quarantine.rglob("*.csv"))


def test_the_cause_stands_before_what_failed_and_once():
    changed = [f"{DEFS}:7: the calendar was changed"]
    told = RunError("group by them", "feature_repo/bakery/a.sql", "view").because_of(changed)
    assert str(told) == (
        f"{DEFS}:7: the calendar was changed. What failed: feature_repo/bakery/a.sql: group by them (step view)"
    )
    assert told.because_of(changed) == told and RunError("a").because_of([]) == RunError("a")
