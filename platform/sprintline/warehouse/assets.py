"""Warehouse: the product's dbt models, built for one sprint in one invocation; dbt tests become coded verdicts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from sprintline.base.steps import StepFailed
from sprintline.lake.recorded import changed_in_lake, refuse_changed, refuse_lost, told
from sprintline.mechanisms.backlog.update import stops_the_run, update_from_verdicts
from sprintline.mechanisms.rules.checks import check_name, check_spec, result
from sprintline.mechanisms.rules.kinds import NOTHING, Evidence
from sprintline.mechanisms.rules.run_rules import judge
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.product import assets as shell
from sprintline.product.repairs import repaired
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import contents, fingerprints
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.evidence import model_rules
from sprintline.warehouse.facts import DescribedModel, ModelFacts
from sprintline.warehouse.recorded import WAREHOUSE, changed_before, changed_in_warehouse, keeping_models
from sprintline.warehouse.undeclared import undeclared_sources

if TYPE_CHECKING:
    from sprintline.warehouse.content_hashes import Content
    from sprintline.warehouse.dbt import BuildResult, Node


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


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """One operation for all dbt models of a product: a sprint's `dbt build`."""
    manifest, translator = runtime[Warehouse].manifest, ProductTranslator(runtime)
    nodes = {
        key: node
        for key, node in manifest["nodes"].items()
        # An ephemeral model is compiled into the models that use it, and is never a table.
        if node["resource_type"] == "model" and node["config"].get("materialized") != "ephemeral"
    }
    models = {node["name"]: node for node in nodes.values()}
    # Not `build_dbt_asset_specs`: all models are needed, and its selection imports dbt's graph, half a second.
    specs = [
        translator.get_asset_spec(manifest, key, None).replace_attributes(
            partitions_def=partitions, kinds={"dbt", "duckdb"}
        )
        for key in nodes
    ]
    rules = model_rules(runtime, manifest)
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
    @shell.in_words(runtime)
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sprint = context.partition_key
        chosen = sorted(key.path[-1] for key in context.selected_asset_keys)
        declared = {source.name for source in runtime.spec.sources}
        if wrong := list(undeclared_sources(manifest, runtime.product, declared, runtime[Warehouse].project)):
            raise StepFailed("; ".join(wrong))
        rebuild_lost_sprints(context, runtime, sprint)
        nodes, failure = _dbt(runtime, sprint, models, chosen)
        done = [
            node.name
            for node in nodes
            if node.resource_type == "model" and node.status == "success" and node.name in chosen
        ]
        seconds = {node.name: round(node.seconds, 3) for node in nodes}
        quick = fingerprints(runtime[Warehouse], done, sprint)
        for name, content in contents(runtime[Warehouse], done, sprint, shell.SAMPLE_ROWS).items():
            yield _built(runtime, sprint, content, models[name], seconds[name], quick[name])
        judged = sorted((key.asset_key.path[-1], key.name) for key in context.selected_asset_check_keys)
        # Checks selected without their model: its tests run again, on the current rows.
        alone = sorted({name for name, _ in judged} - set(chosen))
        again = {name: runtime.measured(name, sprint) for name in chosen}
        evidence: dict[str, Evidence] = {
            name: (one.facts, one.data_version) if one else NOTHING for name, one in again.items()
        }
        if alone:
            more, error = _tested(runtime, sprint, alone)
            nodes, failure = (*nodes, *more), failure or error
            evidence |= {
                name: (_described(models[name], content.rows), content.data_version)
                for name, content in contents(runtime[Warehouse], alone, sprint, 0).items()
            }
        tests = _tests_by_model(nodes)
        verdicts = {
            place: _verdict(runtime, sprint, place[0], by_check[place], evidence[place[0]], tests)
            for place in judged
        }
        runtime.records.record_verdicts(list(verdicts.values()))
        if stops_the_run(verdicts.values()):
            update_from_verdicts(runtime, sprint, shell.actor(context))
        for place, verdict in verdicts.items():
            yield result(by_check[place], verdict)
        if failure:
            raise dg.Failure(f"dbt did not build {sprint}: {failure}", allow_retries=False)

    yield dbt_models


def rebuild_lost_sprints(context: dg.AssetExecutionContext, runtime: Runtime, sprint: str) -> None:
    """Rebuild, from the lake, the rows of earlier sprints that this one depends on and that are not as recorded.

    Raises StepFailed when the lake is not as recorded either, dg.Failure when the build fails or gives other rows.
    """
    sources = [source.name for source in runtime.spec.sources]
    refuse_lost(runtime, sprint, sources, max(runtime.spec.features.lookback_sprints, 1))
    changed = changed_before(runtime, sprint)
    for key in sorted({one.sprint for one in changed}):
        of = [one for one in changed if one.sprint == key]
        context.log.warning(f"{key} is built again from the lake: not as recorded is {told(of)}")
        refuse_changed(sprint, changed_in_lake(runtime, sources, [key]), runtime)
        _, failure = _nodes_and_error(lambda key=key: runtime[Warehouse].build(key))  # type: ignore[misc]
        if failure:
            raise dg.Failure(
                f"{sprint} depends on rows that are not as recorded: {told(of)}; {key} cannot be built again from the "
                f"lake: {failure}",
                allow_retries=False,
            )
        again = changed_in_warehouse(runtime, dict.fromkeys(keeping_models(runtime), (key,)))
        if again:
            raise dg.Failure(
                f"{sprint} depends on rows that are not as recorded: {told(of)}; built again from the lake they "
                f"still are not, because files or models changed: {told(again)}: materialize {key} again (job "
                f"{runtime.product}_closing), then {sprint}",
                allow_retries=False,
            )
        repaired(runtime, sprint, shell.actor(context), WAREHOUSE, of, f"{key} was built again from the lake")


def _dbt(
    runtime: Runtime, sprint: str, models: Collection[str], chosen: list[str]
) -> tuple[Sequence["Node"], str | None]:
    """dbt's results, and its error when a model could not be computed; results of the others are included."""
    if not chosen:
        return (), None
    return _nodes_and_error(
        lambda: runtime[Warehouse].build(sprint, None if set(chosen) == set(models) else chosen)
    )


def _tested(runtime: Runtime, sprint: str, models: list[str]) -> tuple[Sequence["Node"], str | None]:
    """Results of running the tests of built models again, and dbt's error when a test could not be computed."""
    return _nodes_and_error(lambda: runtime[Warehouse].test(sprint, models))


def _nodes_and_error(call: "Callable[[], BuildResult]") -> tuple[Sequence["Node"], str | None]:
    from sprintline.warehouse.dbt import WarehouseError

    try:
        return call().nodes, None
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


def _described(declared: Mapping[str, Any], rows: int) -> DescribedModel:
    """What is recorded about a model: its rows, and the names without a description."""
    columns = declared["columns"].values()
    bare = [column["name"] for column in columns if not column.get("description")]
    if not declared.get("description"):
        bare.insert(0, declared["name"])
    return {"rows": rows, "columns": len(columns), "undocumented": bare}


def _built(
    runtime: Runtime,
    sprint: str,
    content: "Content",
    declared: Mapping[str, Any],
    seconds: float,
    fingerprint: str,
) -> dg.MaterializeResult:
    name = declared["name"]
    facts: ModelFacts = {**_described(declared, content.rows), "fingerprint": fingerprint}
    runtime.measure(name, sprint, content.data_version, facts)
    metadata = {
        "dagster/row_count": content.rows,
        "seconds in dbt": seconds,
        "sample": shell.sample(content.sample),
    }
    return shell.materialized(content.data_version, metadata, dg.AssetKey([runtime.product, name]))


def _verdict(
    runtime: Runtime,
    sprint: str,
    model: str,
    rule: Any,
    evidence: Evidence,
    tests: Mapping[str, list[dict[str, Any]]],
) -> Verdict:
    facts, version = evidence
    if facts is not None:
        ran = [test for test in tests.get(model, []) if test["code"] == rule.code]
        facts = {**facts, "tests": ran}
    return judge(runtime, rule, model, sprint, facts, version)
