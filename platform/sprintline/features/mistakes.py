"""Mistakes in a product's feature views: their queries, and declarations that Feast cannot use."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sprintline.base.errors import error_text
from sprintline.product.checked import Check, Checked
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


CHECKS = (Check(60, _features),)
