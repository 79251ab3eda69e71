"""What was recorded about marts in earlier sprints, and whether the warehouse still has it."""

from __future__ import annotations

import re

from sprintline.base.settings import ROOT
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import row_counts
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.facts import ModelFacts
from sprintline.warehouse.sql_text import without_comments


def marts_of_view(runtime: Runtime, view: str) -> list[str]:
    """The marts that a feature view's SQL names."""
    file = ROOT / "feature_repo" / runtime.product / f"{view}.sql"
    text = without_comments(file.read_text(encoding="utf-8")) if file.is_file() else ""
    words = set(re.findall(r"\w+", text))
    nodes = runtime[Warehouse].manifest["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    return sorted(node["name"] for node in models if node["schema"] == "marts" and node["name"] in words)


def lost_before(runtime: Runtime, sprint: str) -> list[str]:
    """Earlier sprints whose marts this one reads, and whose row counts in the warehouse differ from what was recorded.

    A sprint reads the marts of its views for the lookback sprints, and the outcomes of a candidate's training sprints.
    """
    spec, wanted = runtime.spec, {}
    back = dict.fromkeys(
        (mart for view in spec.features.views for mart in marts_of_view(runtime, view)),
        spec.features.lookback_sprints,
    )
    back[spec.model.outcomes] = max(back.get(spec.model.outcomes, 0), spec.model.train_sprints)
    for key in runtime.calendar.previous(sprint, max(back.values())):
        recorded = runtime.records.measurements(runtime.product, key)
        for mart, sprints in back.items():
            if (key, mart) in recorded and key in runtime.calendar.previous(sprint, sprints):
                facts: ModelFacts = recorded[key, mart].facts
                wanted[mart, key] = facts["rows"]
    there = row_counts(runtime[Warehouse], back, sorted({key for _, key in wanted}))
    return sorted({place[1] for place, rows in wanted.items() if there.get(place, 0) != rows})
