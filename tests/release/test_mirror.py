"""MLflow's alias follows the ledger, whoever moved it, and the ledger says that it did not."""

from __future__ import annotations

import pytest
from tests.release.decided import decided

from sprintline.delivery.overview import product_overviews
from sprintline.learning.alias import Alias
from sprintline.learning.registry import ModelError, Models
from sprintline.product.runtime import Runtime
from sprintline.release.mirror import alias_trouble, set_alias_right

SPRINT = "2013-S02"


class Registry:
    """Stands in for MLflow: versions by model, and where the alias points."""

    def __init__(self) -> None:
        self.versions, self.points_to = {"m1": 1, "m2": 2}, None

    def read_alias(self, alias: str, model_id: str | None) -> Alias | None:
        named = {version: model for model, version in self.versions.items()}
        return Alias(self.points_to, named.get(self.points_to), self.versions.get(model_id))

    def set_alias(self, model_id: str, alias: str) -> None:
        if model_id not in self.versions:
            raise ModelError(f"the registry knows no model {model_id}")
        self.points_to = self.versions[model_id]

    def forget_champion(self) -> None:
        self.points_to = None


@pytest.fixture
def registry(flights: Runtime) -> Registry:
    flights.opened[Models] = made = Registry()
    return made


@pytest.fixture
def live(flights: Runtime, registry: Registry) -> Registry:
    decided(flights, "2013-S01", "m1")
    registry.points_to = 1
    return registry


def repairs(runtime: Runtime) -> list:
    return [event.body for event in runtime.records.events(product=runtime.product, kind="repaired")]


def test_where_the_alias_is_right_nothing_is_recorded(flights, live):
    assert set_alias_right(flights, SPRINT, "me") is None
    assert live.points_to == 1 and repairs(flights) == []


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (2, "points to version 2 (model m2), live by the ledger is version 1 (model m1)"),
        (None, "points to no version, live by the ledger is version 1 (model m1)"),
        (7, "points to version 7 (model unknown), live by the ledger is version 1 (model m1)"),
    ],
    ids=["moved", "removed", "another registered version"],
)
def test_an_alias_that_was_moved_by_hand_is_set_right_and_recorded(flights, live, at, told):
    live.points_to = at
    assert told in alias_trouble(flights)
    assert told in set_alias_right(flights, SPRINT, "me")
    assert live.points_to == 1
    (body,) = repairs(flights)
    assert body["store"] == "MLflow" and told in body["what"][0]
    assert set_alias_right(flights, SPRINT, "me") is None and len(repairs(flights)) == 1


def test_before_the_first_champion_an_alias_points_nowhere(flights, registry):
    assert set_alias_right(flights, SPRINT, "me") is None
    registry.points_to = 2
    assert "live by the ledger is none" in set_alias_right(flights, SPRINT, "me")
    assert registry.points_to is None


def test_a_champion_that_mlflow_does_not_know_is_said_and_nothing_is_recorded(flights, live):
    del live.versions["m1"]
    for live.points_to in (1, 2, None):
        assert "live by the ledger is model m1: it cannot be set right" in set_alias_right(
            flights, SPRINT, "me"
        )
    assert repairs(flights) == []


def test_status_says_it_without_changing_anything(flights, live, home, monkeypatch):
    live.points_to = 2
    monkeypatch.setattr(Models, "of", classmethod(lambda *_: live))
    (shown,) = product_overviews(flights.folder.parents[2], home, flights.product)
    assert shown.error is None
    (note,) = shown.as_dict()["notes"]
    assert note.startswith("MLflow's alias champion points to version 2") and note.endswith(
        "next closing sets it right"
    )
    assert live.points_to == 2 and repairs(flights) == []
