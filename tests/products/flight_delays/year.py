"""The year of flights as the lake has it, sprint by sprint, for tests of relations and profiles."""

from __future__ import annotations

from functools import cache

import pandas as pd

from products.flight_delays import sources
from sprintline.base.arrow_tables import from_arrow, partition_table
from sprintline.base.settings import ROOT, Home
from sprintline.landing.odcs import Contracts
from sprintline.product.runtime import load_runtime

RUNTIME = load_runtime(ROOT / "platform" / "products" / "flight_delays", Home(ROOT / "no state"))
CONTRACTS = RUNTIME[Contracts]
YEAR = RUNTIME.calendar.keys[:26]

Frames = dict[str, pd.DataFrame]


@cache
def landed(sprint: str) -> Frames:
    """The rows of a sprint as the lake has them."""
    found = {}
    for name, frame in sources.provide(RUNTIME.window(sprint)).items():
        contract = CONTRACTS[name]
        moments = getattr(sources, name)(frame)
        rows = contract.pandera().validate(frame[list(contract.column_names)])
        rows = rows.assign(event_at=moments["event_at"], known_at=moments["known_at"])
        kept = partition_table(name, sprint, rows, list(contract.key), None, contract.types)
        found[name] = from_arrow(kept)
    return found
