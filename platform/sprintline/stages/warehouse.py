"""Warehouse: the product's dbt models, built for one sprint in one invocation; dbt tests become coded verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from sprintline.core.verdicts import Verdict
from sprintline.stages import shell
from sprintline.stages.checks import check_name, check_spec, judge, result
from sprintline.stages.intake import stops_the_run, take_in
from sprintline.stages.rulebook import model_rules
from sprintline.stages.runtime import Runtime
from sprintline.stores.contents import contents

if TYPE_CHECKING:
    from sprintline.stores.contents import Content
    from sprintline.stores.warehouse import Node


class ProductTranslator(DagsterDbtTranslator):
    """dbt nodes under the product's keys: a model is `<product>/<model>`, a source is the raw asset of its name."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self.runtime = runtime

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        return dg.AssetKey([self.runtime.product, dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return "warehouse"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return self.runtime.spec.owners


def warehouse_definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """One operation for all dbt models of a product: a sprint's `dbt build`."""
    manifest = runtime.manifest
    specs = [
        spec.replace_attributes(partitions_def=partitions, kinds={"dbt", "duckdb"})
        for spec in build_dbt_asset_specs(
            manifest=manifest, dagster_dbt_translator=ProductTranslator(runtime)
        )
    ]
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    rules = model_rules(manifest)
    by_check = {(name, check_name(rule)): rule for name, chosen in rules.items() for rule in chosen}

    @dg.multi_asset(
        name=f"{runtime.product}__dbt",
        specs=specs,
        can_subset=True,
        pool=shell.POOL,
        check_specs=[
            check_spec(runtime, rule, name, partitions) for name, chosen in rules.items() for rule in chosen
        ],
        op_tags={"sprintline/product": runtime.product},
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sprint = context.partition_key
        chosen = sorted(key.path[-1] for key in context.selected_asset_keys)
        nodes, failure = _build(runtime, sprint, None if set(chosen) == set(models) else chosen)
        done = [
            node.name
            for node in nodes
            if node.resource_type == "model" and node.status == "success" and node.name in chosen
        ]
        seconds = {node.name: round(node.seconds, 3) for node in nodes}
        for name, content in contents(runtime.warehouse, done, sprint, shell.SAMPLE_ROWS).items():
            yield _built(runtime, sprint, content, models[name], seconds[name])
        tests = _tests_by_model(nodes)
        judged = sorted((key.asset_key.path[-1], key.name) for key in context.selected_asset_check_keys)
        verdicts = {
            place: _verdict(runtime, sprint, place[0], by_check[place], tests)
            for place in judged
            if place[0] in chosen
        }
        runtime.records.record_verdicts(list(verdicts.values()))
        if stops_the_run(verdicts.values()):
            take_in(runtime, sprint, shell.actor(context))
        for place, verdict in verdicts.items():
            yield result(by_check[place], verdict)
        if failure:
            raise dg.Failure(f"dbt did not build {sprint}: {failure}", allow_retries=False)

    yield dbt_models


def _build(runtime: Runtime, sprint: str, select: list[str] | None) -> tuple[Sequence["Node"], str | None]:
    """What dbt did, and its complaint when a model could not be computed; the others' results are kept."""
    from sprintline.stores.warehouse import WarehouseError

    try:
        return runtime.warehouse.build(sprint, select).nodes, None
    except WarehouseError as error:
        return (error.result.nodes if error.result else ()), str(error)


def _tests_by_model(nodes: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for node in nodes:
        if node.resource_type == "test":
            found.setdefault(node.model, []).append(
                {
                    "name": node.name,
                    "code": node.meta.get("rule"),
                    "status": node.status,
                    "failures": node.failures,
                    "message": node.message,
                }
            )
    return found


def _built(
    runtime: Runtime, sprint: str, content: "Content", declared: Mapping[str, Any], seconds: float
) -> dg.MaterializeResult:
    name, columns = declared["name"], declared["columns"].values()
    bare = [column["name"] for column in columns if not column.get("description")]
    if not declared.get("description"):
        bare.insert(0, name)
    facts = {"rows": content.rows, "columns": len(columns), "undocumented": bare}
    runtime.measure(name, sprint, content.data_version, facts)
    metadata = {
        "dagster/row_count": content.rows,
        "seconds in dbt": seconds,
        "sample": shell.sample(content.sample),
    }
    return shell.materialized(content.data_version, metadata, dg.AssetKey([runtime.product, name]))


def _verdict(
    runtime: Runtime, sprint: str, model: str, rule: Any, tests: Mapping[str, list[dict[str, Any]]]
) -> Verdict:
    found = runtime.measured(model, sprint)
    evidence = dict(found.facts) if found else None
    if evidence is not None:
        evidence["tests"] = [test for test in tests.get(model, []) if test["code"] == rule.code]
    return judge(runtime, rule, model, sprint, evidence, found.data_version if found else "")
