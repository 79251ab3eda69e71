"""Assets, checks, jobs and sensors of a product as text, read from its Dagster definitions."""

from __future__ import annotations

import warnings

import dagster as dg

from sprintline.base.words import table_cell
from sprintline.components.product import build_product
from sprintline.mechanisms.rules.kinds import kind_of, kinds
from sprintline.mechanisms.rules.registry import rules_for
from sprintline.product.runtime import Runtime


def assets_page(runtime: Runtime, mark: str) -> str:
    """The page of assets, checks, jobs and sensors; the same for every product. Raises what `build_product` raises."""
    with (
        warnings.catch_warnings()
    ):  # using Dagster's previews is a recorded decision, so the warnings do not help here
        for category in (dg.BetaWarning, dg.PreviewWarning):
            warnings.simplefilter("ignore", category)
        definitions = build_product(runtime)
        graph = definitions.get_repository_def().asset_graph
    declared = {one.label: (one.group, one.about) for one in kinds().values() if one.label}
    rows: dict[str, tuple[str, str, set[str]]] = {}
    for key in graph.get_all_asset_keys():
        node, kind = graph.get(key), shown_kind(runtime, key.path[-1])
        group, about = declared.get(kind, (node.group_name, node.description))
        rows.setdefault(kind, (str(group), _neutral(runtime, about).rstrip("."), set()))[2].update(
            shown_kind(runtime, parent.path[-1]) for parent in node.parent_keys
        )
    order = ("raw", "warehouse", "features", "models", "monitoring", "delivery")
    lines = [
        f"| `{kind}` | {group} | {table_cell(about)} | {', '.join(f'`{one}`' for one in sorted(made_from)) or '–'} | "
        f"{', '.join(_rules(kind)) or '–'} |"
        for kind, (group, about, made_from) in sorted(
            rows.items(), key=lambda one: (order.index(one[1][0]), one[0])
        )
    ]
    jobs = [
        f"| `{_neutral(runtime, job.name)}` | {table_cell(job.description or '')} |"
        for job in sorted(definitions.jobs or (), key=lambda job: str(job.name))
    ]
    sensors = [
        f"| `{_neutral(runtime, one.name)}` | {one.minimum_interval_seconds} | {table_cell(one.description or '')} |"
        for one in sorted(definitions.sensors or (), key=lambda one: one.name)
    ]
    return f"""{mark}
# Assets, checks, jobs and sensors

What every product has in the Dagster UI. An asset's key is `<product>/<name>`, its partitions are the sprints. A check
is named by its rule's code and claim (`DQ101_keeps_its_contract`); [every rule](../rules/README.md) has a page.

## Assets

| asset | group | what it is | made from | checks |
|---|---|---|---|---|
{chr(10).join(lines)}

## Jobs

| job | does |
|---|---|
{chr(10).join(jobs)}

## Sensors

| sensor | seconds between ticks | does |
|---|---|---|
{chr(10).join(sensors)}
"""


def shown_kind(runtime: Runtime, asset: str) -> str:
    """The page's name of an asset: its own, or that of its kind where a product declares the names."""
    kind = kind_of(runtime, asset)
    return kind.label if kind and kind.label else asset


def _rules(name: str) -> list[str]:
    judged = next((kind.name for kind in kinds().values() if kind.label == name), name)
    return [f"[{rule.code}](../rules/{rule.code}.md)" for rule in rules_for(judged)]


def _neutral(runtime: Runtime, text: str | None) -> str:
    """The text with the product's own names replaced by placeholders."""
    model, features = runtime.spec.model, runtime.spec.features
    for own, stands_for in (
        (model.positive, "<positive outcome>"),
        (features.service, "<feature service>"),
        (runtime.product, "<product>"),
    ):
        text = str(text).replace(own, stands_for)
    return str(text)
