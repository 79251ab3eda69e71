"""Delivery: the increment of a sprint, Done or told what is missing, and the backlog as it stands after it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.delivery.closing import close
from sprintline.delivery.pages import evidence
from sprintline.delivery.restatement import restatement_text
from sprintline.delivery.site import write_closing
from sprintline.delivery.summary import first_failing, linked, rule_pages, sprint_page, summary
from sprintline.mechanisms.backlog.board_rows import rows
from sprintline.mechanisms.backlog.items import counts
from sprintline.mechanisms.backlog.update import board_of
from sprintline.mechanisms.reports.document import Items
from sprintline.mechanisms.reports.render import part_markdown
from sprintline.mechanisms.reports.site import Site
from sprintline.mechanisms.rules.checks import checks_for, report_refusal
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.terms import INSUFFICIENT
from sprintline.mechanisms.rules.waivers import waivers
from sprintline.product import assets as shell
from sprintline.product.runtime import Runtime


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The increment, which closes a sprint in the ledger, with its checks; and the backlog."""
    yield _increment(runtime, partitions)
    yield from checks_for(runtime, "increment", "increment", partitions)
    yield _backlog(runtime, partitions)


def _increment(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    upstream = ("champion", "online_features", "predictions", "scores", "drift", "profiles")

    @dg.asset(
        **shell.asset_arguments(runtime, "increment", "delivery", partitions, kinds={"table"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in upstream],
        pool=shell.POOL,
        description="Closes the sprint: Done, or what is missing. Done is the Definition of Done: every "
        f"rule of the gate `done` passes on the data that is there now. {INSUFFICIENT}.",
    )
    @shell.in_words(runtime)
    def increment(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        sprint = context.partition_key
        closing = close(runtime, sprint, shell.actor(context))
        for verdict in closing.stale:
            report_refusal(context, all_rules()[verdict.code], verdict)
        missing = tuple(closing.gate.reasons)
        reasons = part_markdown(Items(missing)) if missing else "nothing is missing"
        metadata: dict[str, Any] = {
            "summary": dg.MetadataValue.md(summary(runtime.product, sprint, closing.gate, closing.verdicts)),
            "Done": closing.gate.open,
            "missing": dg.MetadataValue.md(reasons),
            "rules": shell.table(
                [
                    {"rule": f"{v.code} {v.asset}", "verdict": v.outcome.value, "says": v.sentence}
                    for v in first_failing(closing.verdicts)
                ]
            ),
        }
        if closing.restated:
            metadata["restated"] = restatement_text(sprint, closing.restated)
        return shell.materialized(closing.version, metadata)

    return increment


def _backlog(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        **shell.asset_arguments(runtime, "backlog", "delivery", partitions, kinds={"table"}),
        deps=[dg.AssetKey([runtime.product, "increment"])],
        pool=shell.POOL,
        description="Open findings and planned work. Each has its sightings, owner and evidence. A projection "
        "of the ledger.",
    )
    @shell.in_words(runtime)
    def backlog(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.base.hashing import canonical_json, text_hash

        items = board_of(runtime)
        opened = [item for item in items if item.open]
        shown = rows(opened, waivers(runtime), runtime.clock.now())
        version = text_hash(canonical_json([item.as_dict() for item in items]))
        metadata: dict[str, Any] = dict(counts(items))
        metadata["increment"] = dg.MetadataValue.url(sprint_page(runtime.product, context.partition_key))
        if shown:
            metadata["links"] = dg.MetadataValue.md(linked(runtime.product, opened))
        metadata["board"] = shell.table(_narrow(shown)) if shown else "nothing is open"
        if shown:
            metadata["evidence"] = dg.MetadataValue.md(part_markdown(evidence(shown)))
        if pages := rule_pages():
            metadata["rule pages"] = dg.MetadataValue.path(pages)
        try:
            written = write_closing(runtime, context.partition_key)
            site = Site(runtime.home.site)
            metadata["site"] = dg.MetadataValue.path(site.first)
            page = site.root / runtime.product / f"{context.partition_key}.html"
            if page.is_file():
                metadata["sprint page"] = dg.MetadataValue.path(page)
            for note in written.notes:
                context.log.warning(note)
        except Exception as error:  # noqa: BLE001 - whatever keeps a page from being written, the sprint is closed
            context.log.warning(
                f"The sprint site was not written: {error}. `sprintline site` writes it again."
            )
        return shell.materialized(version, metadata)

    return backlog


def _narrow(board: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns of the board that fit beside each other in Dagster's page; the evidence is shown below it."""
    return [
        {name: one[name] for name in ("id", "severity", "what", "asset", "sightings", "last")}
        for one in board
    ]
