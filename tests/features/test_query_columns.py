"""A feature query gives what its view declares, found without a row."""

from __future__ import annotations

import pytest
from tests.clones import DEFS, QUERY, VIEWS, checked, edit, new_clone, put_back

from sprintline.base import settings


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return new_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def root(clone, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", clone)
    with put_back(clone):
        yield clone


CHANGES = {
    "a feature left out": (
        QUERY, r",\n    delay_1d / nullif\(delivered_1d, 0\) as courier_delay_minutes_1d", "",
        f"{QUERY}:1: view courier_delays: does not give the column courier_delay_minutes_1d, which views.py declares",
    ),
    "a feature renamed": (
        QUERY, r"as courier_late_rate_1d", "as courier_late_share_1d", "it gives courier_late_share_1d, which is not",
    ),
    "a feature more": (
        QUERY, r"\n    courier,\n    event_timestamp,", "\n    courier,\n    asked,\n    event_timestamp,",
        "view courier_delays: gives asked, which views.py does not declare",
    ),
    "a column of the mart that is none": (
        QUERY, r"sum\(delay_minutes\)", "sum(delay_hours)", f"{QUERY}:17: view courier_delays: Binder Error",
    ),
    "another type": (
        QUERY, r"late_1d / nullif\(delivered_1d, 0\)", "cast(late_1d as varchar)",
        "gives courier_late_rate_1d as varchar, and views.py declares real",
    ),
    "a view that is not listed": (
        VIEWS, r"\nbakery_v1 =((?s:.*))\[courier_delays\]",
        '\nother = FeatureView(name="other", entities=[courier], ttl=timedelta(hours=6), schema=[Field(name="courier", '
        'dtype=String), Field(name="x", dtype=Float64)], source=lake_source("bakery", "other"))\n'
        r"bakery_v1 =\1[courier_delays, other]",
        f"{DEFS}:32: attributes.features.views: the service bakery_v1 takes the view other, which is not listed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_query_that_does_not_fit_its_view_is_named(root, change):
    file, old, new, said = CHANGES[change]
    edit(root, file, old, new)
    assert any(said in one for one in checked(root)), checked(root)


def test_a_sound_query_is_not_named(root):
    assert checked(root) == []
