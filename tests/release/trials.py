"""A promotion on a small ground, for the kills of tests/mechanisms/test_procedures_killed.py."""

from __future__ import annotations

import pytest
from tests.conftest import CLONE, FLIGHTS
from tests.release.test_promotion import DRIFT, Alias, decided, judged

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.learning.registry import Models
from sprintline.product.runtime import load_runtime
from sprintline.release import promotion
from sprintline.warehouse.dbt import Warehouse

SPRINT = "2013-S02"


class _AliasInAFile(Alias):
    """The alias outlives a kill, as MLflow's does."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.file = home.root / "alias"

    def set_alias(self, model_id: str, alias: str) -> None:
        self.file.write_text(f"{alias} {model_id}")


class Promotion:
    """A candidate that all rules pass, beside a champion."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings, "ROOT", CLONE)
        monkeypatch.setattr(Warehouse, "manifest", {"nodes": {}})
        self.home = home
        runtime = load_runtime(FLIGHTS, home)
        decided(runtime, "2013-S01", "m1")
        judged(runtime, SPRINT)

    def run(self) -> None:
        runtime = load_runtime(FLIGHTS, self.home)
        runtime.opened[Models] = _AliasInAFile(self.home)
        promotion.decide(runtime, SPRINT, DRIFT, DRIFT["why"], "retraining")

    def look(self) -> object:
        runtime = load_runtime(FLIGHTS, self.home)
        (decision,) = runtime.records.events(product=runtime.product, kind="decision", sprint=SPRINT)
        said = {
            key: value for key, value in decision.body.items() if key != "rests_on"
        }  # its seals carry moments
        return said, (self.home.root / "alias").read_text()


TRIALS = {"promote": Promotion}
