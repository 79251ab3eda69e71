"""Features: views over the marts, the features of each question, and the online store."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from sprintline.base.failpoints import failpoint
from sprintline.base.steps import StepFailed
from sprintline.features.evidence import ends_upto, online_version
from sprintline.features.facts import (
    FeatureViewFacts,
    OnlineFeaturesFacts,
    QuestionFeaturesFacts,
    compared_facts,
)
from sprintline.features.frame_checks import EVENT, LOGICAL_TYPES
from sprintline.features.online_state import online_state, online_tables
from sprintline.features.store import FeatureStore
from sprintline.features.views import FeatureError
from sprintline.lake.recorded import RESTS_ON, refuse_changed, refuse_lost, versions_before
from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.checks import checks_for
from sprintline.product import assets as shell
from sprintline.product.held import contradictions
from sprintline.product.repairs import repaired
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import rows_of
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.recorded import changed_in_warehouse, marts_of_view

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.features.online_answers import Published
    from sprintline.product.calendar import Sprint


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """A view asset each, then the point-in-time join of all, then the online store."""
    for view in runtime.spec.features.views:
        yield _view_asset(runtime, view, partitions)
        yield from checks_for(runtime, view, "feature_view", partitions)
    yield _question_features(runtime, partitions)
    yield from checks_for(runtime, "question_features", "question_features", partitions)
    yield _online_features(runtime, partitions)
    yield from checks_for(runtime, "online_features", "online_features", partitions)


def _view_asset(runtime: Runtime, view: str, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    back = runtime.spec.features.lookback_sprints
    marts = [
        dg.AssetDep(
            dg.AssetKey([runtime.product, mart]),
            partition_mapping=shell.with_previous_sprints(runtime.calendar.keys, back),
        )
        for mart in marts_of_view(runtime, view)
    ]

    @dg.asset(
        **shell.asset_arguments(runtime, view, "features", partitions, kinds={"feast", "deltalake"}),
        deps=marts,
        pool=shell.POOL,
        description=f"Feature values by key and moment. Feature view {view}, computed from the marts of this sprint "
        f"and {back} before it.",
    )
    @shell.in_words(runtime)
    def feature_view(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.features.marts import restricted_query

        sprint = runtime.window(context.partition_key)
        runtime[FeatureStore].apply()
        earlier = dict.fromkeys(marts_of_view(runtime, view), runtime.calendar.previous(sprint.key, back))
        refuse_changed(sprint.key, changed_in_warehouse(runtime, earlier), runtime)
        query = partial(restricted_query, runtime.home.warehouse_file(runtime.product))
        rests_on = versions_before(runtime, sprint.key, marts_of_view(runtime, view), back)
        try:
            frame = runtime[FeatureStore].compute(
                view, sprint, runtime.calendar.previous(sprint.key, back), query
            )
        except FeatureError as error:
            if changed := contradictions(runtime):
                raise StepFailed(f"{'; '.join(changed)}. What failed: {error}") from error
            raise
        commit = runtime[FeatureStore].write(view, sprint, frame)
        failpoint("features.view_written")
        facts: FeatureViewFacts = {"rows": commit.rows, RESTS_ON: rests_on}
        runtime.measure(view, sprint.key, commit.data_version, facts)
        return shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "sample": shell.sample(frame),
                "dagster/column_schema": shell.frame_schema(frame, runtime[FeatureStore].descriptions(view)),
            },
        )

    return feature_view


def _question_features(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    model, features = runtime.spec.model, runtime.spec.features
    keys = runtime.calendar.keys
    deps = [
        dg.AssetDep(
            dg.AssetKey([runtime.product, view]), partition_mapping=shell.with_previous_sprints(keys, 1)
        )
        for view in features.views
    ]

    @dg.asset(
        **shell.asset_arguments(
            runtime, "question_features", "features", partitions, kinds={"feast", "deltalake"}
        ),
        deps=[dg.AssetKey([runtime.product, model.questions]), *deps],
        pool=shell.POOL,
        description=f"Each question with the features known then. Feature service {features.service}.",
    )
    @shell.in_words(runtime)
    def question_features(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        sprint = context.partition_key
        questions = rows_of(runtime[Warehouse], model.questions, sprint)
        back = sprints_back(runtime, sprint, questions)
        refuse_lost(runtime, sprint, features.views, back, moments=EVENT)
        rests_on = versions_before(runtime, sprint, features.views, back)
        answered = runtime[FeatureStore].historical(questions, features.service)
        types = _types(runtime, model.questions)
        commit = runtime[Lake].write(
            runtime.table("question_features"), sprint, answered, ["question_id"], types
        )
        views = runtime[FeatureStore].declared().service_views(features.service)
        coverage = {
            view: round(float(answered[names].notna().any(axis=1).mean()), 6) for view, names in views.items()
        }
        facts: QuestionFeaturesFacts = {
            "rows": commit.rows,
            "questions": len(questions),
            "coverage_by_view": coverage,
            RESTS_ON: rests_on,
            "service": features.service,
            "lookback": features.lookback_sprints,
        }
        runtime.measure("question_features", sprint, commit.data_version, facts)
        return shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "sample": shell.sample(answered),
                "dagster/column_schema": shell.frame_schema(answered),
                "coverage": dg.MetadataValue.json(coverage),
            },
        )

    return question_features


def sprints_back(runtime: Runtime, sprint: str, questions: "pd.DataFrame") -> int:
    """How many sprints before one its questions may read features of: as far as the first question's ttl reaches."""
    declared = runtime[FeatureStore].declared()
    ttl = max(declared.view(view).ttl for view in runtime.spec.features.views)
    asked = questions["question_at"].min() if len(questions) else runtime.window(sprint).start
    low = min(asked, runtime.window(sprint).start) - ttl
    keys = runtime.calendar.previous(sprint, runtime.window(sprint).index)
    return max(1, sum(runtime.window(key).end > low for key in keys))


def _types(runtime: Runtime, questions: str) -> dict[str, str]:
    """Declared types of a question and its features: a column may be empty in all questions of the first sprint."""
    columns = runtime[Warehouse].table_columns()[questions]
    types = {one.name: one.logical_type for one in columns if one.logical_type}
    declared = runtime[FeatureStore].declared()
    for view in runtime.spec.features.views:
        types |= {name: LOGICAL_TYPES[kind] for name, kind in declared.kinds(view).items()}
    return types


def _online_features(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    features = runtime.spec.features

    @dg.asset(
        **shell.asset_arguments(
            runtime, "online_features", "features", partitions, kinds={"feast", "sqlite"}
        ),
        deps=[dg.AssetKey([runtime.product, view]) for view in features.views],
        output_required=False,
        pool=shell.POOL,
        description="The newest value per key, for serving. The store moves only forwards: an older sprint changes "
        "nothing.",
    )
    @shell.in_words(runtime)
    def online_features(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        # The store moves only forwards: a sprint published before an earlier one would leave out keys without new rows.
        if shell.waits(context, runtime, context.partition_key, context.asset_key):
            return
        sprint = runtime.window(context.partition_key)
        with runtime[FeatureStore].publication():
            published, facts = publish(context, runtime, sprint)
            version = online_version(runtime, sprint.key)
            runtime.measure("online_features", sprint.key, version, facts)
        shown = {
            one.view: one.why or f"{one.keys} keys up to {one.newest:%Y-%m-%d %H:%M} UTC" for one in published
        }
        yield shell.materialized(version, {"published": dg.MetadataValue.json(shown)})

    return online_features


def publish(
    context: dg.AssetExecutionContext, runtime: Runtime, sprint: "Sprint"
) -> "tuple[list[Published], OnlineFeaturesFacts]":
    """Publish a sprint to the online store and compare it with the lake; fill it again where it has other values.

    The keys that a sprint has no rows of are compared only where the store is not as the last publishing left it, so a
    closing does not read more with every sprint.
    """
    store, views = runtime[FeatureStore], runtime.spec.features.views
    history: dict[str, OnlineFeaturesFacts] = {
        key: one.facts for key, one in runtime.history("online_features").items()
    }
    index = runtime.window
    newest = max((key for key in history), key=lambda key: index(key).index, default=sprint.key)
    store.apply()
    touched = changed_views(runtime, history.get(newest), views)
    published = store.publish_online(views, sprint.end)
    failpoint("features.online_published")
    ahead = index(newest).index > sprint.index
    written = [one.view for one in published if not one.why] if ahead else views
    if not written:
        # The store is at a later sprint; the comparison made when this one was the newest is still valid.
        before: OnlineFeaturesFacts = {"keys_compared": None, "keys_unequal": None}
        return published, history.get(sprint.key, before)
    ends = ends_upto(runtime, sprint.key)
    found = store.compare_online(written, ends if touched else ends[-1:])
    why = ""
    if not found.equal:
        why = f"{found}"
        if touched:
            why = f"{', '.join(touched)} changed since {newest} was published: {why}"
        context.log.warning(f"the online store is filled again from all sprints: {why}")
        store.fill_online(written, ends)
        found = store.compare_online(written, ends)
        repaired(
            runtime, sprint.key, shell.actor(context), "online store", [why], "filled again from all sprints"
        )
    facts: OnlineFeaturesFacts = {
        **compared_facts(found),
        "online_state": online_state(store.online_file),
        "online_views": online_tables(store.online_file, runtime.product, views),
    }
    if why:
        facts["filled"] = why
    return published, facts


def changed_views(runtime: Runtime, left: OnlineFeaturesFacts | None, views: Sequence[str]) -> list[str]:
    """Views whose online values are not as the last publishing left them, sorted.

    left: what that recorded; None before the first. Where it recorded one hash of all views, all changed or none.
    """
    file = runtime[FeatureStore].online_file
    if left is None or "online_state" not in left:
        return []
    if "online_views" not in left:
        return [] if left["online_state"] == online_state(file) else sorted(views)
    now = online_tables(file, runtime.product, views)
    return sorted(view for view, state in left["online_views"].items() if view in now and now[view] != state)
