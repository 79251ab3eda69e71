"""Which rules judge which assets of a product, and so what a sprint needs to be Done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.core.gates import Need, needs_of
from sprintline.core.verdicts import Rule
from sprintline.rules import RULES, rules_for
from sprintline.rules.warehouse import DBT_TEST_CODES
from sprintline.stages.decisions import decision_of
from sprintline.stages.runtime import Runtime


def asset_kinds(runtime: Runtime) -> dict[str, list[str]]:
    """Names of the product's assets by the kind that rules judge; dbt models apart, since each has rules of its own."""
    alone = (
        "question_features",
        "online_features",
        "predictions",
        "scores",
        "candidate",
        "drift",
        "increment",
    )
    return {
        "source": [source.name for source in runtime.spec.sources],
        "feature_view": list(runtime.spec.features.views),
        **{name: [name] for name in alone},
    }


def model_rules(manifest: Mapping[str, Any]) -> dict[str, tuple[Rule, ...]]:
    """Rules per dbt model: those its tests name in `meta.rule`, and the ones that need no test."""
    named: dict[str, set[str]] = {}
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and (code := test_code(test)):
            named.setdefault(judged_model(test) or "", set()).add(code)
    return {
        node["name"]: tuple(
            rule
            for rule in rules_for("model")
            if rule.code not in DBT_TEST_CODES or rule.code in named.get(node["unique_id"], ())
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def assets_by_rule(runtime: Runtime) -> dict[str, list[str]]:
    """Names of the product's assets that each rule judges, by code; empty for a rule that judges none of them."""
    kinds = asset_kinds(runtime)
    found = {code: list(kinds.get(rule.judges, ())) for code, rule in RULES.items()}
    for name, rules in model_rules(runtime.manifest).items():
        for rule in rules:
            found[rule.code].append(name)
    return {code: sorted(names) for code, names in found.items()}


def judged_model(test: Mapping[str, Any]) -> str | None:
    """Unique id of the model a dbt test speaks of: the one it is attached to, or the first a lone SQL test reads."""
    return test.get("attached_node") or next(iter(test["depends_on"]["nodes"]), None)


def test_code(test: Mapping[str, Any]) -> str | None:
    """Code of the rule that a dbt test of the manifest names in `meta.rule`, or None."""
    return (test["config"].get("meta") or {}).get("rule")


def definition_of_done(runtime: Runtime, sprint: str) -> tuple[Need, ...]:
    """Every rule of the Definition of Done on its asset; a candidate's only when one was trained for the sprint."""
    kinds = asset_kinds(runtime)
    decision = decision_of(runtime, sprint)
    if decision is None or not decision["candidate"]:
        kinds.pop("candidate")
    manifest = runtime.manifest
    models = {
        Need(rule.code, name) for name, rules in model_rules(manifest).items() for rule in rules if rule.done
    }
    return tuple(sorted({*needs_of([r for r in RULES.values() if r.judges != "model"], kinds), *models}))
