"""Delivery: the increment of a sprint, Done or told what is missing."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.core.gates import waivers_of
from sprintline.core.status import is_done
from sprintline.rules import rules_for
from sprintline.stages import shell
from sprintline.stages.checks import checks_for, judge
from sprintline.stages.decisions import closing_of
from sprintline.stages.evidence import plan
from sprintline.stages.landed import survey
from sprintline.stages.rulebook import definition_of_done
from sprintline.stages.runtime import Runtime
from sprintline.stages.versions import current_versions


def delivery_definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The increment asset and its checks; the asset closes a sprint in the ledger."""
    upstream = ("champion", "online_features", "predictions", "scores", "drift")

    @dg.asset(
        **shell.asset_arguments(runtime, "increment", "delivery", partitions, kinds={"table"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in upstream],
        pool=shell.POOL,
        description="The sprint's increment: every rule of the Definition of Done, and what is missing.",
    )
    def increment(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.core.hashing import canonical_json, text_hash

        sprint, now = context.partition_key, runtime.clock.now()
        records, product = runtime.records, runtime.product
        # What the stores hold now, not what was recorded: a verdict on data that is gone vouches for nothing.
        versions = current_versions(runtime, sprint)
        versions.pop("increment", None)
        version = text_hash(canonical_json(versions))
        # Its own rules are judged before the gate asks for them; the checks that follow mirror these verdicts.
        own = [
            judge(runtime, rule, "increment", sprint, plan(runtime), version)
            for rule in rules_for("increment")
        ]
        records.record_verdicts(own)
        verdicts = records.verdicts(product, sprint)
        needed = definition_of_done(runtime, sprint)
        standing = {**versions, "increment": version}
        gate = is_done(needed, verdicts, standing, waivers_of(runtime.spec.rules), now)
        runtime.measure("increment", sprint, version, {"done": gate.open, **plan(runtime)})
        landed = survey(runtime)[0].get(sprint)
        before = closing_of(runtime, sprint)
        files = {**(before["files"] if before else {}), **(landed.files if landed else {})}
        body = {"files": files, "done": gate.open, "missing": list(gate.reasons), "version": version}
        if before and before["version"] != version:
            records.append(
                "restated",
                product,
                sprint,
                shell.actor(context),
                key=f"{before['version']}:{version}",
                body={"was": before["version"], "is": version, "files": files},
            )
        records.append(
            "closed",
            product,
            sprint,
            shell.actor(context),
            body=body,
            key=text_hash(canonical_json([files, version, gate.open])),
        )
        reasons = "\n".join(f"- {reason}" for reason in gate.reasons) or "nothing is missing"
        return shell.materialized(
            version,
            {
                "Done": gate.open,
                "missing": dg.MetadataValue.md(reasons),
                "rules": shell.table(
                    [
                        {"rule": v.code, "asset": v.asset, "verdict": v.outcome.value, "says": v.sentence}
                        for v in verdicts
                    ]
                ),
            },
        )

    yield increment
    yield from checks_for(runtime, "increment", "increment", partitions)
