"""Evidence: what the stores say about one asset's sprint at this moment, gathered for the rules of its kind.

Each gatherer reads the stores again instead of trusting what the asset reported, so that a fault planted between
writing and judging is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sprintline.stages.runtime import Runtime
from sprintline.stages.standing import standing

Evidence = tuple[Mapping[str, Any] | None, str]
NOTHING: Evidence = (None, "")


def gather(runtime: Runtime, kind: str, asset: str, sprint: str) -> Evidence:
    """Evidence and the data version it speaks of; `(None, "")` when the asset left no record for the sprint."""
    return GATHERERS[kind](runtime, asset, sprint)


def recorded(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    """What the asset itself recorded."""
    found = runtime.measured(asset, sprint)
    return (found.facts, found.data_version) if found else NOTHING


def _source(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    table, contract = runtime.table(asset), runtime.contracts[asset]
    rows = runtime.lake.read(table, [sprint], columns=["known_at"], missing_ok=True)
    return {
        **facts,
        "contract": f"{contract.name} {contract.version}",
        "data_version": version,
        "rows_in_lake": len(rows),
        "data_version_in_lake": runtime.lake.data_version(table, sprint),
        "rows_without_known_at": int(rows["known_at"].isna().sum()),
        "rows_known_after_landing": int((rows["known_at"] > facts["landed_by"]).sum()),
    }, version


def _feature_view(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    stamps = runtime.lake.read(
        runtime.table(asset), [sprint], columns=["event_timestamp", "created_timestamp"], missing_ok=True
    )
    late = int((stamps["created_timestamp"] > stamps["event_timestamp"]).sum())
    return {**facts, "rows": len(stamps), "rows_created_after_event": late}, version


def _question_features(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    ids = runtime.lake.read(runtime.table(asset), [sprint], columns=["question_id"], missing_ok=True)[
        "question_id"
    ]
    return {**facts, "rows": int(ids.nunique()) if ids.is_unique else len(ids)}, version


def _predictions(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    from sprintline.stages.decisions import champion_before

    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    asked = runtime.lake.read(
        runtime.table("question_features"), [sprint], columns=["question_id"], missing_ok=True
    )
    found = {
        "questions": len(asked),
        "issued": facts["champion"] is not None,
        "champion_before": champion_before(runtime, sprint),
    }
    if not found["issued"]:
        return {**facts, **found}, version
    issued = runtime.lake.read(runtime.table(asset), [sprint], missing_ok=True)
    inside = issued["probability"].between(0.0, 1.0)  # False for null
    return {
        **facts,
        **found,
        "rows": len(issued),
        "without_probability": int((~inside).sum()),
        "distinct_questions": int(issued["question_id"].isin(asked["question_id"]).sum())
        if issued["question_id"].is_unique
        else int(issued["question_id"].nunique()),
        "champion": ", ".join(sorted(issued["model_id"].unique())),
    }, version


def _candidate(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    """What was measured of the candidate, and its card as it lies there now."""
    from sprintline.stages.cards import card_faults

    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    return {**facts, "card": card_faults(runtime, facts["model_id"])}, version


def _increment(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    return NOTHING if facts is None else ({**facts, **standing(runtime, sprint)}, version)


GATHERERS: dict[str, Callable[[Runtime, str, str], Evidence]] = {
    "source": _source,
    "model": recorded,
    "feature_view": _feature_view,
    "question_features": _question_features,
    "online_features": recorded,
    "predictions": _predictions,
    "candidate": _candidate,
    "drift": recorded,
    "increment": _increment,
}
