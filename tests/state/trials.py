"""The removal of a product's state on a small ground, for the kills of tests/mechanisms/test_procedures_killed.py.

Files stand in for MLflow and Dagster: a kill leaves them as it leaves databases. tests/scaffold/test_remove.py has the
real ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ledger_events import body as fitting

from sprintline.base.settings import Home
from sprintline.hosting import instance
from sprintline.learning.registry import Models
from sprintline.mechanisms.ledger.opened import open_records
from sprintline.state import removal
from sprintline.state.procedures import RESET

PRODUCTS = ("bakery", "bakery_two")


def run_of(home: Home, product: str) -> Path:
    return home.root / "dagster" / product


def alias_of(home: Home, product: str) -> Path:
    return home.models / product


def _opened(models: Models, home: Home, product: str) -> None:
    models.alias_file = alias_of(home, product)


class Removal:
    """Two products with something in every store; the state of one is removed."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        monkeypatch.setattr(
            instance, "forget", lambda home, product: run_of(home, product).unlink(missing_ok=True)
        )
        monkeypatch.setattr(Models, "__init__", _opened)
        monkeypatch.setattr(
            Models, "forget_champion", lambda models: models.alias_file.unlink(missing_ok=True)
        )
        records = open_records(home)
        for product in PRODUCTS:
            for room in home.rooms_of(product):
                place = room if room.suffix else room / "2026-S01" / "file"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text("rows")
            for place in (run_of(home, product), alias_of(home, product)):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text("something")
            records.append("closed", product, "2026-S01", "sensor", fitting("closed"), key="2026-S01")
            records.measure(product, "2026-S01", "orders", "v1", {})

    def run(self) -> None:
        removal.remove_state(self.home, "bakery", "test")

    def look(self) -> object:
        records = open_records(self.home)
        records.append(
            "closed", "bakery", "2026-S01", "sensor", fitting("closed", version="anew"), key="2026-S01"
        )
        (begun_anew,) = records.events(product="bakery", kind="closed")
        assert begun_anew.body["version"] == "anew", "a product of that name begins anew"
        return {
            "files": sorted(
                str(place.relative_to(self.home.root))
                for place in self.home.root.rglob("*")
                if "bakery" in str(place)
            ),
            "measured": [list(records.measurements(product)) for product in PRODUCTS],
            "events": [len(records.events(product=product)) for product in PRODUCTS],
        }


class Reset(Removal):
    """The same, by the command that keeps the code."""

    def run(self) -> None:
        removal.remove_state(self.home, "bakery", "test", RESET)


TRIALS = {"remove": Removal, "reset": Reset}
