"""Which rules judge which dbt models, and the versions of their rows in the warehouse.

Evidence on a model is gathered where dbt runs its tests, in `assets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sprintline.mechanisms.rules.kinds import AssetKind
from sprintline.mechanisms.rules.registry import rules_for
from sprintline.mechanisms.rules.verdicts import Rule
from sprintline.product.runtime import Runtime
from sprintline.warehouse.content_hashes import contents, fingerprints
from sprintline.warehouse.dbt import Warehouse
from sprintline.warehouse.facts import ModelFacts
from sprintline.warehouse.rules import DBT_TEST_CODES

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement


def model_rules(runtime: Runtime, manifest: Mapping[str, Any]) -> dict[str, tuple[Rule, ...]]:
    """Rules per dbt model: those its tests name in `meta.rule`, and the ones that need no test."""
    named: dict[str, set[str]] = {}
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and (code := test_code(test)):
            named.setdefault(judged_model(test) or "", set()).add(code)
    return {
        node["name"]: tuple(
            rule
            for rule in rules_for("model", runtime)
            if rule.code not in DBT_TEST_CODES or rule.code in named.get(node["unique_id"], ())
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def judged_model(test: Mapping[str, Any]) -> str | None:
    """Unique id of the model that a dbt test is about: the one it is attached to, else the first it reads."""
    return test.get("attached_node") or next(iter(test["depends_on"]["nodes"]), None)


def test_code(test: Mapping[str, Any]) -> str | None:
    """Code of the rule that a dbt test of the manifest names in `meta.rule`, or None."""
    return (test["config"].get("meta") or {}).get("rule")


def _models(runtime: Runtime) -> list[str]:
    return list(model_rules(runtime, runtime[Warehouse].manifest))


def _rules_on(runtime: Runtime, model: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    chosen = model_rules(runtime, runtime[Warehouse].manifest)[model]
    return tuple(rule for rule in rules if rule in chosen)


def _versions(runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]) -> dict[str, str | None]:
    """Versions of dbt models. Hashing all rows takes a second, so it is done only where the fingerprint changed."""
    names = [name for name in runtime[Warehouse].relations() if name in measured]
    now = fingerprints(runtime[Warehouse], names, sprint)
    facts: dict[str, ModelFacts] = {name: measured[name].facts for name in names}
    same = [name for name in names if name in now and facts[name].get("fingerprint") == now[name]]
    others = [name for name in now if name not in same]
    return {
        **dict.fromkeys(names),
        **{name: measured[name].data_version for name in same},
        **{name: one.data_version for name, one in contents(runtime[Warehouse], others, sprint, 0).items()},
    }


KINDS = (
    AssetKind(
        name="model",
        reads="the results of the dbt tests that name the rule, run on the sprint's rows; the model's YAML",
        assets=_models,
        facts=ModelFacts,
        versions=_versions,
        rules_on=_rules_on,
        label="<dbt model>",
        group="warehouse",
        about="A dbt model's rows of the sprint: staging, intermediate or mart",
    ),
)
