"""Mistakes in a product's feature views: their queries, and declarations that Feast cannot use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from sprintline.base.errors import error_text
from sprintline.product.checked import SOUND, Check, Checked
from sprintline.product.held import Held, place_of
from sprintline.product.runtime import Runtime
from sprintline.warehouse.bound import bound
from sprintline.warehouse.sql_text import without_comments


def _features(product: Checked) -> Iterator[str]:
    if (spec := product.spec) is None:
        return
    folder = product.root / "feature_repo" / product.product
    marts = {
        file.stem for file in (product.root / "dbt_project/models" / product.product / "marts").rglob("*.sql")
    }
    for view in spec.features.views:
        query = folder / f"{view}.sql"
        if not query.is_file():
            yield f"{product.shown(query)}:1: is missing; defs.yaml names the view {view}, this is its query"
        elif marts and not marts & set(
            re.findall(r"\w+", without_comments(query.read_text(encoding="utf-8")))
        ):
            yield f"{product.shown(query)}:1: reads no mart; name one: {', '.join(sorted(marts))}"
    module = folder / "views.py"
    if not module.is_file():
        yield (
            f"{product.shown(module)}:1: is missing; entities, feature views and the service are declared there"
        )
        return
    if (mistake := product.syntax(module)) is not None:
        yield mistake
        return
    from sprintline.features.views import FeatureError, load_declared

    try:
        declared = load_declared(product.product, folder, product.home.lake)
        declared.service(spec.features.service)
        for view in spec.features.views:
            declared.view(view)
    except FeatureError as error:
        yield error_text(error, product.root)
        return
    file = product.folder / "defs.yaml"
    for view in declared.service_views(spec.features.service):
        if view not in spec.features.views:
            place = f"{product.shown(file)}:{product.line(file, ('attributes', 'features', 'views'))}"
            yield (
                f"{place}: attributes.features.views: the service {spec.features.service} takes the view {view}, which "
                f"is not listed, so nothing computes it; list it, or take it out of the service"
            )


def _queries(product: Checked) -> Iterator[str]:
    """Feature queries run on empty marts: columns that they read or lack, and types that Feast was told otherwise."""
    from sprintline.features.query_columns import wrong_queries
    from sprintline.features.views import FeatureError, load_declared

    if (spec := product.spec) is None:
        return
    folder = product.root / "feature_repo" / product.product
    try:
        declared = load_declared(product.product, folder, product.home.lake)
    except FeatureError:
        return  # reported already
    with bound(product) as (run, _, _):
        if run is not None:
            for line in wrong_queries(run, declared, folder, spec.features.views):
                yield line.replace(f"{product.root}/", "")


def _shorter_lookback(runtime: Runtime, quick: bool) -> Iterator[str]:
    """A look-back that cuts the windows of features of which models were trained."""
    newest, features = runtime.newest("question_features"), runtime.spec.features
    if newest is None:
        return
    sprint, facts = newest[0], newest[1].facts
    then = facts.get("lookback")
    if then is not None and facts.get("service") == features.service and features.lookback_sprints < then:
        yield (
            f"{place_of(runtime, 'features', 'lookback_sprints')}: attributes.features.lookback_sprints: features of "
            f"{sprint} were computed from {then} sprints before it, and the same features would now be computed from "
            f"{features.lookback_sprints}: put it back, or declare a new service whose features look back less"
        )


def _shorter_sprints(runtime: Runtime, quick: bool) -> Iterator[str]:
    """Sprints that get shorter from a key on, so that the same look-back no longer reaches as many days."""
    newest, features, calendar = runtime.newest("question_features"), runtime.spec.features, runtime.calendar
    if newest is None or newest[1].facts.get("service") != features.service:
        return
    then = newest[1].facts.get("lookback") or 0
    reached = then * calendar.usual_days(newest[0])
    for since, days in sorted(calendar.length_days_from.items()):
        if since > newest[0] and features.lookback_sprints * days < reached:
            yield (
                f"{place_of(runtime, 'calendar', 'length_days_from', since)}: attributes.calendar.length_days_from: "
                f"features of {newest[0]} look back {reached} days, and from {since} on the same features would look "
                f"back {features.lookback_sprints * days}: write `lookback_sprints: {ceil(reached / days)}` under "
                f"features"
            )


HELD = (Held(_shorter_lookback), Held(_shorter_sprints))
CHECKS = (Check(60, _features), Check(94, _queries, SOUND))
