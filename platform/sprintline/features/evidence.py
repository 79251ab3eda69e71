"""Evidence about feature views, answered questions and the online store, for their rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sprintline.base.hashing import text_hash
from sprintline.features.facts import (
    FeatureViewEvidence,
    FeatureViewFacts,
    OnlineFeaturesFacts,
    QuestionFeaturesEvidence,
    QuestionFeaturesFacts,
    compared_facts,
)
from sprintline.features.online_state import online_state
from sprintline.features.store import FeatureStore
from sprintline.lake.recorded import in_lake, lake_versions
from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.kinds import NOTHING, AssetKind, Evidence
from sprintline.product.runtime import Runtime
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement


def _feature_view(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: FeatureViewFacts = measured.facts
    stamps = runtime[Lake].read(
        runtime.table(asset), [sprint], columns=["event_timestamp", "created_timestamp"], missing_ok=True
    )
    late = int((stamps["created_timestamp"] > stamps["event_timestamp"]).sum())
    found: FeatureViewEvidence = {**facts, "rows": len(stamps), "rows_created_after_event": late}
    return found, in_lake(runtime, asset, sprint)


def _question_features(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measured(asset, sprint)
    if measured is None:
        return NOTHING
    facts: QuestionFeaturesFacts = measured.facts
    answered = runtime[Lake].read(runtime.table(asset), [sprint], missing_ok=True)
    relation = runtime[Warehouse].relations()[runtime.spec.model.questions]
    asked = runtime[Warehouse].query(
        f"select distinct question_id from {relation} where sprint = ?",  # noqa: S608 - a manifest's name
        [sprint],
    )["question_id"]
    views = runtime[FeatureStore].declared().service_views(runtime.spec.features.service)
    ids = answered["question_id"]
    found: QuestionFeaturesEvidence = {
        **facts,
        "questions": len(asked),
        "rows": len(ids),
        "distinct_questions": int(ids[ids.isin(asked)].nunique()),
        "coverage_by_view": {
            view: round(float(answered.reindex(columns=names).notna().any(axis=1).mean()), 6)
            for view, names in views.items()
        },
    }
    return found, in_lake(runtime, asset, sprint)


def _online_features(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    if runtime.measured(asset, sprint) is None:
        return NOTHING
    with runtime[FeatureStore].publication(reading=True):
        return _online_compared(runtime, asset, sprint)


def _online_compared(runtime: Runtime, asset: str, sprint: str) -> Evidence:
    measured = runtime.measurement(asset, sprint)
    facts: OnlineFeaturesFacts = measured.facts
    newest = max(runtime.history(asset), key=lambda key: runtime.window(key).index)
    now = online_version(runtime, sprint)
    same = (
        facts.get("online_state") == online_state(runtime[FeatureStore].online_file)
        and now == measured.data_version
    )
    if sprint == newest and not same:
        # The keys of all sprints: what changed may be a key that this one has no row of.
        compared = runtime[FeatureStore].compare_online(
            runtime.spec.features.views, ends_upto(runtime, sprint)
        )
        facts = {**facts, **compared_facts(compared)}
        facts.pop("filled", None)
    # For an older sprint the store no longer has its values; the comparison made when it was the newest is still valid,
    # as it is while neither side has changed.
    return facts, now


def ends_upto(runtime: Runtime, sprint: str) -> list[datetime]:
    """Ends of all sprints up to one, in order."""
    keys = [*runtime.calendar.previous(sprint, runtime.window(sprint).index), sprint]
    return [runtime.window(key).end for key in keys]


def online_version(runtime: Runtime, sprint: str) -> str:
    """Version of the online store after a sprint: a hash of the content of its views' partitions."""
    views = runtime.spec.features.views
    return text_hash(
        "|".join(runtime[Lake].data_version(runtime.table(view), sprint) or "" for view in views)
    )


def _online_versions(
    runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]
) -> dict[str, str | None]:
    return {asset: online_version(runtime, sprint) for asset in measured}


KINDS = (
    AssetKind(
        name="feature_view",
        reads="the view's partition of the lake, read again",
        assets=lambda runtime: list(runtime.spec.features.views),
        facts=FeatureViewFacts,
        gather=_feature_view,
        versions=lake_versions,
        label="<feature view>",
        group="features",
        about="A Feast feature view's rows, with the moments at which they were known",
    ),
    AssetKind(
        name="question_features",
        reads="its partition of the lake and the questions mart, both read again",
        assets=lambda runtime: ("question_features",),
        facts=QuestionFeaturesFacts,
        gather=_question_features,
        versions=lake_versions,
    ),
    AssetKind(
        name="online_features",
        reads="the online store and the views' rows of all sprints in the lake, key by key, where the store is not as "
        "it was compared; for an older sprint, the comparison made when it was the newest",
        assets=lambda runtime: ("online_features",),
        facts=OnlineFeaturesFacts,
        gather=_online_features,
        versions=_online_versions,
    ),
)
