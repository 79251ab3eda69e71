"""A sprint that trains no candidate says so where its skipped checks are looked for: as an event of the asset."""

from __future__ import annotations

from types import SimpleNamespace

import dagster as dg
import pytest

from sprintline.mechanisms.rules.registry import rules_for
from sprintline.release import assets

SPRINT, WHY = "2013-S02", "no new reason to train since 2013-S01"


@pytest.fixture
def promote(flights, monkeypatch):
    """The operation of candidate and champion where nothing is to be trained."""
    decision = {"decision": "none", "why": WHY, "trigger": None}
    monkeypatch.setattr(assets.shell, "waits", lambda *_: None)
    monkeypatch.setattr(assets.promotion, "trigger_of", lambda *_: (None, WHY))
    monkeypatch.setattr(assets.promotion, "decide", lambda *_: decision)
    monkeypatch.setattr(assets, "set_alias_right", lambda *_: "")
    monkeypatch.setattr(assets, "read_decision", lambda _: SimpleNamespace(after="m1"))
    (made,) = assets.definitions(flights, dg.StaticPartitionsDefinition([SPRINT]))
    return made


def observed(instance, product):
    found = instance.fetch_observations(dg.AssetKey([product, "candidate"]), limit=5).records
    return [(one.partition_key, one.asset_observation.description) for one in found]


def test_an_asset_that_is_skipped_has_an_event_with_the_reason(flights, promote):
    checks = len(rules_for("candidate", flights))
    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([promote], instance=instance, partition_key=SPRINT)
        assert ran.success and ran.get_asset_check_evaluations() == []
        told = f"{SPRINT}: no candidate was trained, so {checks} checks of candidate are skipped: {WHY}"
        assert observed(instance, flights.product) == [(SPRINT, told)]
