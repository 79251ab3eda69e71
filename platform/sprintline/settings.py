"""Where state lives: one folder, named by `SPRINTLINE_HOME`, and the paths inside it.

Every path the embedded default writes is named here and nowhere else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone: the folder that holds `platform/`, `dbt_project/` and `feature_repo/`."""

POOL = "duckdb"
"""Runs that touch a warehouse take turns: its file has one writer, and a sprint rests on the one before."""


@dataclass(frozen=True)
class Home:
    """The state folder and its rooms. Creating one touches no disk."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def clock(self) -> Path:
        """Holds the replay's "now"; absent when the platform runs on the wall clock."""
        return self.root / "clock"

    @property
    def records_url(self) -> str:
        return os.environ.get("SPRINTLINE_RECORDS_URL") or f"sqlite:///{self.root / 'records.db'}"

    def warehouse_file(self, product: str) -> Path:
        return self.root / "warehouse" / f"{product}.duckdb"

    def rooms_of(self, product: str) -> tuple[Path, ...]:
        """What is a product's alone: files, tables, features, releases, reports. Records are of all products."""
        shared = (self.landing, self.quarantine, self.lake, self.features, self.reports, self.root / "dbt")
        return (*(room / product for room in shared), self.warehouse_file(product))

    def dbt_target(self, product: str) -> Path:
        return self.root / "dbt" / product / "target"


def home() -> Home:
    """The state folder in force: `SPRINTLINE_HOME`, or `.sprintline/` in the clone."""
    return Home(Path(os.environ.get("SPRINTLINE_HOME") or ROOT / ".sprintline").resolve())
