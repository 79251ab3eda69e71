"""Evidence: what the stores say about one asset's sprint at this moment, gathered for the rules of its kind.

Each gatherer reads the stores again instead of trusting what the asset reported, so that a fault planted between
writing and judging is seen; and it gives the version of what it read, so that a verdict names the data it judged.
Evidence on dbt models is gathered where dbt runs their tests (`stages/warehouse.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sprintline.stages.runtime import Runtime
from sprintline.stages.standing import standing
from sprintline.stages.versions import NOTHING_ISSUED, online_version, release_damage
from sprintline.stores.online_state import online_state

if TYPE_CHECKING:
    import pandas as pd

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
    # Read, not remembered: a file changed in place keeps its name and size.
    stored = runtime.lake.data_version(table, sprint, recompute=True)
    return {
        **facts,
        # The contract was held against the rows that were accepted, and vouches for no others.
        "contract": f"{contract.name} {contract.version}" if stored == version else None,
        "row_bounds": list(contract.row_bounds) if contract.row_bounds else None,
        "data_version": version,
        "rows_in_lake": len(rows),
        "data_version_in_lake": stored or "nothing",
        "rows_without_known_at": int(rows["known_at"].isna().sum()),
        "rows_known_after_landing": int((rows["known_at"] > facts["landed_by"]).sum()),
    }, stored or ""


def _feature_view(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, _ = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    stamps = runtime.lake.read(
        runtime.table(asset), [sprint], columns=["event_timestamp", "created_timestamp"], missing_ok=True
    )
    late = int((stamps["created_timestamp"] > stamps["event_timestamp"]).sum())
    found = {**facts, "rows": len(stamps), "rows_created_after_event": late}
    return found, _in_lake(runtime, asset, sprint)


def _question_features(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, _ = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    answered = runtime.lake.read(runtime.table(asset), [sprint], missing_ok=True)
    relation = runtime.warehouse.relations()[runtime.spec.model.questions]
    asked = runtime.warehouse.query(
        f"select distinct question_id from {relation} where sprint = ?",  # noqa: S608 - a manifest's name
        [sprint],
    )["question_id"]
    views = runtime.features.declared().service_views(runtime.spec.features.service)
    ids = answered["question_id"]
    return {
        **facts,
        "questions": len(asked),
        "rows": len(ids),
        "distinct_questions": int(ids[ids.isin(asked)].nunique()),
        "coverage_by_view": {
            view: round(float(answered.reindex(columns=names).notna().any(axis=1).mean()), 6)
            for view, names in views.items()
        },
    }, _in_lake(runtime, asset, sprint)


def _online_features(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    newest = max(runtime.history(asset), key=lambda key: runtime.window(key).index)
    now = online_version(runtime, sprint)
    same = facts.get("online_state") == online_state(runtime.features.online_file) and now == version
    if sprint == newest and not same:
        compared, unequal = runtime.features.compare_online(
            runtime.spec.features.views, runtime.window(sprint)
        )
        facts = {**facts, "keys_compared": compared, "keys_unequal": unequal}
    # Of an older sprint the store holds nothing any more; what was compared when it was the newest still stands, as it
    # does while neither side has changed.
    return facts, now


def _predictions(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    from sprintline.stages.decisions import champion_before

    facts, _ = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    asked = _asked(runtime, sprint)
    found = {
        "questions": len(asked),
        "issued": facts["champion"] is not None,
        "champion_before": champion_before(runtime, sprint),
    }
    if not found["issued"]:
        return {**facts, **found}, NOTHING_ISSUED
    issued = runtime.lake.read(runtime.table(asset), [sprint], missing_ok=True)
    inside = issued["probability"].between(0.0, 1.0)  # False for null
    return {
        **facts,
        **found,
        "rows": len(issued),
        "without_probability": int((~inside).sum()),
        "distinct_questions": int(issued["question_id"].isin(asked).sum())
        if issued["question_id"].is_unique
        else int(issued["question_id"].nunique()),
        "champion": ", ".join(sorted(issued["model_id"].unique())),
    }, _in_lake(runtime, asset, sprint)


def _asked(runtime: Runtime, sprint: str) -> pd.Series:
    """Ids of the questions whose features the lake holds for a sprint."""
    table = runtime.table("question_features")
    return runtime.lake.read(table, [sprint], columns=["question_id"], missing_ok=True)["question_id"]


def _scores(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    from sprintline.stages.judging import labels_of

    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    asked = _asked(runtime, sprint)
    answered = asked.isin(labels_of(runtime, [sprint])["question_id"])
    return {**facts, "questions": len(asked), "answered": int(answered.sum())}, version


def _candidate(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    """What was measured of the candidate; its training keys, release and card as they lie there now."""
    from sprintline.stages.cards import card_faults
    from sprintline.stages.judging import kept

    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    model_id = facts["model_id"]
    return {
        **facts,
        **kept(runtime, sprint, model_id, facts["champion"]),
        "damaged": release_damage(runtime, facts),
        "card": card_faults(runtime, model_id),
    }, version


def _increment(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    facts, version = recorded(runtime, asset, sprint)
    if facts is None:
        return NOTHING
    return {**facts, **plan(runtime), **standing(runtime, sprint)}, version


def plan(runtime: Runtime) -> dict[str, Any]:
    """How far the product's sprints are planned, from now on."""
    return {
        "planned_sprints_remaining": runtime.calendar.remaining(runtime.clock.now()),
        "last_planned_sprint": runtime.calendar.keys[-1],
    }


def _in_lake(runtime: Runtime, asset: str, sprint: str) -> str:
    return runtime.lake.data_version(runtime.table(asset), sprint, recompute=True) or ""


GATHERERS: dict[str, Callable[[Runtime, str, str], Evidence]] = {
    "source": _source,
    "feature_view": _feature_view,
    "question_features": _question_features,
    "online_features": _online_features,
    "predictions": _predictions,
    "scores": _scores,
    "candidate": _candidate,
    "drift": recorded,
    "increment": _increment,
}
