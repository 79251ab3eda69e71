"""The sandbox for planted faults: a throw-away product in a throw-away clone, with its own state folder.

This runs inside that clone (`settings.ROOT` is the clone's), never in the one a team works in.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.settings import ROOT, Home
from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.faults import PRODUCT, NotPlanted
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd

HISTORY = 6
"""Sprints closed before the one on trial: the fourth gets the first champion, trained on three sprints, which are the
reference for drift. By the seventh there is enough new data for a candidate."""

Change = Callable[["pd.DataFrame"], "pd.DataFrame"]

LATER_CHAMPION = ("bootstrap_after: 3", "bootstrap_after: 4")

# The couriers' delays vary so much that drift in this product needs a higher share of features.
CALM = ("    min_rows: 500\n", "    min_rows: 500\n    share: 0.9\n")

# The first champion has few features, so the candidate of the sprint on trial is clearly better without a fault.
WEAK = (
    '    "parcels",\n    "distance_km",\n    "promised_minutes",\n    "placed_hour",\n    "weekday",\n',
    '    "placed_hour",\n    "weekday",\n',
)


@dataclass(frozen=True)
class Sandbox:
    """The throw-away product, and the ways in which faults change it."""

    home: Home

    @cached_property
    def runtime(self) -> Runtime:
        """The product as declared now; the run after planting loads it again."""
        return load_runtime(ROOT / "platform" / "products" / PRODUCT, self.home)

    @property
    def sprint(self) -> str:
        """The sprint on trial."""
        return self.runtime.calendar.keys[HISTORY]

    @property
    def before(self) -> str:
        """The sprint before the one on trial."""
        return self.runtime.calendar.keys[HISTORY - 1]

    def land(self, source: str, change: Change | None = None, sprint: str | None = None) -> None:
        """Drop the provider's file of a source for a sprint, with a change; its file time is old enough to be read."""
        key = sprint or self.sprint
        sources = self.runtime.sources
        if sources is None:
            raise NotPlanted(f"{PRODUCT} has no sources.py")
        frame = sources.provide(self.runtime.window(key))[source]
        place = self.home.landing / PRODUCT / source / f"{key}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        (change(frame.copy()) if change else frame).to_csv(place, index=False)
        written = time.time() - 60
        os.utime(place, (written, written))

    def arrive(self, sprint: str) -> None:
        """Everything of a sprint lands, a little after its end; the clock is moved there."""
        for source in self.runtime.spec.landed:
            self.land(source.name, sprint=sprint)
        self.runtime.clock.move(self.runtime.window(sprint).end + timedelta(hours=2))

    def edit(self, place: str, *changes: tuple[str, str]) -> None:
        """Replace text in a file of the product (from the clone's root, `{product}` filled in)."""
        file = ROOT / place.format(product=PRODUCT)
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            if old not in text:
                raise NotPlanted(f"{file.relative_to(ROOT)} does not contain {old!r}")
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")

    def partition(self, name: str, change: Change, sprint: str | None = None) -> None:
        """Change a lake partition without the asset that wrote it."""
        table, key = self.runtime.table(name), sprint or self.sprint
        frame = self.runtime[Lake].read(table, [key])
        changed = change(frame.copy())
        if not self.runtime[Lake].write(table, key, changed, sort_by=list(changed.columns[:2])).changed:
            raise NotPlanted(f"{table} {key} did not change")

    def sql(self, statement: str) -> None:
        """Change rows of the warehouse without dbt."""
        self.runtime[Warehouse].query(statement, read_only=False)

    def answers(self, statement: str) -> None:
        """Change outcomes, and record them as they are then: the sources said so all along, and no row was edited."""
        from sprintline.warehouse.content_hashes import contents, fingerprints

        self.sql(statement)
        warehouse, name = self.runtime[Warehouse], self.runtime.spec.model.outcomes
        for key, recorded in self.runtime.history(name).items():
            version = contents(warehouse, [name], key, sample_rows=0)[name].data_version
            facts = {**recorded.facts, "fingerprint": fingerprints(warehouse, [name], key)[name]}
            self.runtime.measure(name, key, version, facts)

    def file(self, folder: Path, pattern: str) -> Path:
        """The one file below a folder that matches a pattern."""
        found = sorted(folder.glob(pattern))
        if len(found) != 1:
            raise NotPlanted(f"{pattern} matches {len(found)} files in {folder.name}")
        return found[0]
