"""`sprintline rules` and `sprintline explain`: what is claimed of every sprint, why, and how it went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal
from sprintline.mechanisms.rules.scope import SPRINT

if TYPE_CHECKING:
    from pathlib import Path

    from sprintline.faults.results import Row
    from sprintline.mechanisms.rules.verdicts import Rule, Verdict
    from sprintline.product.runtime import Runtime
    from sprintline.product.spec import RuleOverride


@click.command()
@click.option(
    "--product",
    help="With what this product changes (severity, threshold, waiver), and which rules do not apply to it.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines.")
def rules(product: str | None, as_json: bool) -> None:
    """Every rule: its claim, what it judges, how much a failure weighs, and what to do about one."""
    from sprintline.mechanisms.rules.registry import all_rules

    runtime = _runtime(product)
    rows = [
        {
            **described(rule, runtime.overrides.get(code) if runtime else None),
            "applies": _applies(rule, runtime),
        }
        for code, rule in sorted(all_rules().items())
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    from sprintline.base.terminal import Column, print_rows, say

    lines = []
    for row in rows:
        line = "" if row["threshold"] is None else f"{row['threshold']:g}"
        changed = "*" if row["override"] else ""
        done = ("yes" if row["done"] else "no") if row["applies"] else "not applicable"
        lines.append([
            f"{row['code']}{changed}", row["claim"], row["judges"], row["practice"], row["severity"], line,
            done, row["remedy"],
        ])  # fmt: skip
    print_rows([
        Column("code"), Column("claim", wraps=True), Column("judges"), Column("practice"), Column("severity"),
        Column("threshold"), Column("Done"), Column("if not", wraps=True),
    ], lines)  # fmt: skip
    for row in rows:
        if row["override"]:
            say(f"* {row['code']}: {_changes(row['override'])}", indent=2)
        if not row["applies"]:
            say(f"{row['code']} does not apply to {product}. It applies to: {row['applies_to']}", indent=2)
    say("One of them in full:  sprintline explain CODE")


@click.command()
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for machines.")
def explain(code: str, as_json: bool) -> None:
    """One rule in full: why it is there, what it reads, how it fails, what to do, and its last verdicts."""
    from sprintline.mechanisms.rules.registry import all_rules

    rule = all_rules().get(code.upper())
    if rule is None:
        from sprintline.mechanisms.declaration.located_yaml import suggest

        raise Refusal(f"there is no rule {code}; {suggest(code.upper(), sorted(all_rules()))}", code=2)
    found = explained(rule)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from sprintline.base.terminal import say

    for line in _text(found):
        say(line, indent=12 if line.startswith("  ") else 2)


def described(rule: Rule, override: RuleOverride | None = None) -> dict[str, Any]:
    """A rule as plain values, with what a product changes in it."""
    from sprintline.mechanisms.rules.kinds import kinds

    changed: dict[str, Any] | None = None
    severity, threshold = str(rule.severity), rule.threshold
    if override is not None:
        changed = {name: value for name, value in override.model_dump().items() if value is not None}
        severity = str(override.severity or severity)
        threshold = threshold if override.threshold is None else override.threshold
    return {
        "code": rule.code,
        "claim": rule.claim,
        "judges": rule.judges,
        "practice": rule.practice,
        "severity": severity,
        "threshold": threshold,
        "done": rule.done,
        "scope": kinds()[rule.judges].scope,
        "gates": list(rule.gates),
        "applies_to": rule.applies_to,
        "remedy": rule.remedy,
        "override": changed,
    }


def explained(rule: Rule) -> dict[str, Any]:
    """All that is known of a rule, as plain values."""
    from sprintline.faults.catalogue import faults_of
    from sprintline.mechanisms.rules.kinds import kinds

    planted = [{"fault": fault.name, "where": fault.where} for fault in faults_of(rule.code)]
    return {
        **described(rule),
        "why": rule.why,
        "reads": kinds()[rule.judges].reads,
        "faults": planted,
        "measured": [asdict(row) for row in _last_measured(rule.code)],
        "verdicts": [_told(verdict) for verdict in _last_verdicts(rule.code)],
    }


def _text(found: Mapping[str, Any]) -> list[str]:
    line = "" if found["threshold"] is None else f"; threshold {found['threshold']:g}"
    part = f"{'part' if found['done'] else 'no part'} of the Definition of Done"
    if found["scope"] != SPRINT:
        part = f"judged per {found['scope']}; gates: {', '.join(found['gates']) or 'none'}"
    lines = [
        f"{found['code']}: {found['judges'].replace('_', ' ')} {found['claim']}",
        "",
        f"  Severity {found['severity']}{line}; {part}; practice {found['practice']}.",
        f"  Why:      {found['why']}",
        *(
            []
            if found["applies_to"] == "Every product"
            else [f"  Applies:  to {found['applies_to'][0].lower()}{found['applies_to'][1:]}."]
        ),
        f"  Reads:    {found['reads']}.",
        *(f"  Fails on: {one['fault']} ({one['where']})" for one in found["faults"]),
        f"  Fix:  {found['remedy']}.",
        "  To waive: docs/how-to/waive-a-rule.md",
        f"  Page:     docs/rules/{found['code']}.md",
        "",
    ]
    rows = found["measured"]
    if rows:
        caught = sum(row["caught"] for row in rows)
        first = rows[0]
        lines.append(
            f"  Measured: {caught} of {len(rows)} planted faults caught; on clean data {first['clean_passes']} passes, "
            f"{first['false_alarms']} false alarms, {first['findings']} true findings, {first['insufficient']} "
            "insufficient."
        )
    else:
        lines.append(f"  Measured: not yet; run  sprintline faults {found['code']}")
    lines += [
        f"  {one['product']} {one['scope']}, {one['asset']}: {one['outcome']}: {one['sentence']}"
        for one in found["verdicts"]
    ] or ["  No verdict of it is on record here."]
    return lines


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "product": verdict.product,
        "sprint": verdict.scope.key if verdict.scope.kind == SPRINT else None,
        "scope": str(verdict.scope),
        "asset": verdict.asset,
        "outcome": str(verdict.outcome),
        "sentence": verdict.sentence,
        "data_version": verdict.data_version,
    }


def _last_verdicts(code: str) -> list[Verdict]:
    """Verdicts by the rule: of each product's newest sprint with one; where it judges other scopes, of them all."""
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.mechanisms.rules.kinds import kinds
    from sprintline.mechanisms.rules.registry import all_rules
    from sprintline.product.folders import product_folders

    records = existing_records(settings.home())
    if records is None:
        return []
    kind = kinds()[all_rules()[code].judges].scope
    found: list[Verdict] = []
    for folder in product_folders(settings.ROOT):
        judged = [one for one in records.verdicts(folder.name, kind=kind) if one.code == code]
        newest = max((one.scope for one in judged), default=None)
        found += [one for one in judged if one.scope == newest or kind != SPRINT]
    return found


def _last_measured(code: str) -> tuple[Row, ...]:
    """This state folder's own measurement, or the one that came with the clone."""
    from sprintline.faults.results import FILE, Measured

    places: tuple[Path, ...] = (settings.home().root / FILE, settings.ROOT / "docs" / "reference" / FILE)
    for place in places:
        if (found := Measured.load(place)) is not None and (rows := found.of(code)):
            return rows
    return ()


def _runtime(product: str | None) -> Runtime | None:
    from sprintline.product.folders import chosen_folders
    from sprintline.product.runtime import load_runtime

    if product is None:
        return None
    folder = chosen_folders(settings.ROOT, product)[0]
    return load_runtime(folder, settings.home())


def _applies(rule: Rule, runtime: Runtime | None) -> bool:
    return runtime is None or rule.applies(runtime)


def _changes(override: Mapping[str, Any]) -> str:
    told = [f"{name} {value}" for name, value in override.items() if name != "waiver"]
    if waiver := override.get("waiver"):
        told.append(f"waived by {waiver['approver']} until {waiver['expires']}: {waiver['reason']}")
    return "; ".join(told)


@click.command()
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit 1 when a page is not as it should be."
)
def reference(only_check: bool) -> int:
    """Generate docs/reference/, docs/rules/ and the index of decisions, and list what changed."""
    from sprintline.cli.generated import write_pages
    from sprintline.cli.reference import MARK, decisions, pages
    from sprintline.cli.rule_pages import pages as rule_pages

    docs = settings.ROOT / "docs"
    changed = [
        *write_pages(docs / "rules", rule_pages(settings.ROOT), write=not only_check),
        *write_pages(docs / "reference", pages(settings.ROOT), MARK, write=not only_check),
        *write_pages(docs / "decisions", {"README.md": decisions(settings.ROOT)}, MARK, write=not only_check),
    ]
    click.echo(
        "\n".join(changed) or "docs/reference/, docs/rules/ and docs/decisions/README.md are up to date"
    )
    return 1 if only_check and changed else 0


COMMANDS = (rules, explain, reference)
